#!/usr/bin/env node
import { main } from '@doublehop/daemon/lifecycle'
import { startGateway } from '@doublehop/gateway/gateway'

await main('gateway', startGateway)
