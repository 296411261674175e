#!/usr/bin/env node
import { main } from '@doublehop/daemon/lifecycle'
import { startVda } from '@doublehop/vda/vda'

await main('vda', startVda)
