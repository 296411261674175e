import type { Kind } from './house.ts'
import type { HouseToReload } from './house-to-reload.ts'

/** A file that must not be taken, and what is told of it. */
export interface BadFile {
  readonly what: string
  readonly text: string
  readonly code: string
  readonly told: RegExp
}

/** What can be wrong with the file of this daemon, or with what it names. */
export function badFiles(house: HouseToReload, kind: Kind): BadFile[] {
  const file = `${kind}\\.yaml`
  const changed = (changes: Record<string, unknown>): string => house.textOf(kind, changes)
  const all: BadFile[] = [
    {
      what: 'broken YAML',
      text: `${kind}: {\n  listen: [`,
      code: 'DH_CONFIG',
      told: new RegExp(`${file}:\\d`),
    },
    {
      what: 'a mistyped key',
      text: changed({ drainTimeot: '1 s' }),
      code: 'DH_CONFIG',
      told: new RegExp(`${kind}\\.drainTimeot: no such key; did you mean drainTimeout\\?`),
    },
    {
      what: 'the section of somebody else',
      text: 'workspace: { gateway: "gateway:443" }',
      code: 'DH_CONFIG',
      told: new RegExp(`${kind}: the section is missing`),
    },
  ]
  if (kind === 'vda') return all
  const identity = house.identity(kind)
  const other = house.identity(kind === 'sta' ? 'proxy' : 'sta')
  all.push(
    {
      what: 'a certificate that is not there',
      text: changed({ identity: { ...identity, certificate: 'no/such.crt' } }),
      code: 'DH_CERTIFICATE',
      told: /no\/such\.crt cannot be used: ENOENT/,
    },
    {
      what: 'the key of another certificate',
      text: changed({ identity: { ...identity, key: other.key } }),
      code: 'DH_CERTIFICATE',
      told: /key values mismatch/,
    },
    {
      what: 'a CA file without a certificate',
      text: changed({ identity: { ...identity, ca: identity.key } }),
      code: 'DH_CERTIFICATE',
      told: /it holds no certificate in PEM/,
    },
    {
      what: 'a revocation list that is none',
      text: changed({ identity: { ...identity, crl: identity.certificate } }),
      code: 'DH_CERTIFICATE',
      told: /it holds no revocation list in PEM/,
    },
  )
  const secret = SECRETS[kind]
  if (secret)
    all.push({
      what: 'a secret that is not there',
      text: changed(secret),
      code: 'DH_CONFIG_SECRET',
      told: /file:no\/such\.key cannot be had|no\/such\.key/,
    })
  return all
}

const MISSING = 'file:no/such.key'
const SECRETS: Partial<Record<Kind, Record<string, unknown>>> = {
  proxy: { grants: { keys: [MISSING] } },
  storefront: { tokenDigest: MISSING },
  sta: { serviceKey: MISSING },
}
