#!/usr/bin/env node
import { main } from '@doublehop/daemon/lifecycle'
import { startProxy } from '@doublehop/proxy/proxy'

await main('proxy', startProxy)
