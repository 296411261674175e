import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '@doublehop/settings/load'
import { bytesOf } from '@doublehop/wire/text'
import { smallest } from '../../../packages/settings/test/examples.ts'
import { type Parser, verdictOf } from './parser.ts'

const LARGER = `
zones: { dmz1: &dmz [10.1.0.0/16, "fd00::/8"], dmz2: *dmz }
sta:
  authorityId: STA01
  listen: "[2001:db8::5]:8080" # in quotes
  identity: &me { certificate: 'a.crt', key: "a\\u002ekey", ca: >-
    ca.crt
  }
  serviceKey: env:SERVICE_KEY
  issuers: { names: [storefront.example] }
  redeemers: { networks: [10.2.0.0/16] }
`

const folder = mkdtempSync(join(tmpdir(), 'doublehop-fuzz-'))
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
const file = join(folder, 'doublehop.yaml')

/** The configuration, from its bytes to the last check of its schema. */
export const configuration: readonly Parser[] = [
  {
    name: 'configuration',
    share: 2.5,
    longest: 20_000,
    corpus: [...Object.values(smallest), Object.values(smallest).join('\n'), LARGER].map(bytesOf),
    judge: (input) =>
      verdictOf(() => {
        writeFileSync(file, input)
        return readSettings(file, [], {}).settings
      }),
  },
]
