#!/usr/bin/env node
import { main } from '@doublehop/daemon/lifecycle'
import { startStorefront } from '@doublehop/storefront/storefront'

await main('storefront', startStorefront)
