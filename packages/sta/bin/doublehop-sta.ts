#!/usr/bin/env node
import { main } from '@doublehop/daemon/lifecycle'
import { startSta } from '@doublehop/sta/sta'

await main('sta', startSta)
