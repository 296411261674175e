import { randomBytes } from 'node:crypto'
import type { Leg } from '@doublehop/daemon/leg'
import type { SpentMarks } from '@doublehop/daemon/spent'
import { fault } from '@doublehop/errors/fault'
import type { ProxySettings } from '@doublehop/settings/proxy'
import type { Endpoint } from '@doublehop/wire/endpoint'
import {
  checkGrant,
  type GrantedAddresses,
  type GrantScope,
  mintGrant,
} from '@doublehop/wire/grant'
import type { LastingParts } from './lasting-parts.ts'

/** How far apart the clocks of proxies may be, or one may be set back: a mark outlives its grant by so much. */
const CLOCKS_APART = 600_000

/** Mints grants from the answers of STAs, and takes each of them once. */
export class Grants {
  readonly #keys: readonly Uint8Array[]
  readonly #lifetime: number
  readonly #spent: SpentMarks
  readonly #instance: string

  constructor({ grants }: ProxySettings, { spent, instance }: LastingParts) {
    this.#keys = grants.keys.map((key, index) =>
      decodeKey(key.reveal(`proxy.grants.keys[${index}]`), index),
    )
    this.#lifetime = grants.lifetime
    this.#spent = spent
    this.#instance = instance
  }

  /** A grant for the addresses of a redeemed ticket. */
  mint(session: string, hop: Leg, addresses: GrantedAddresses): string {
    const [key] = this.#keys
    if (key === undefined) throw new Error('no key to mint grants with')
    return mintGrant(
      key,
      this.#scope(session, hop),
      addresses,
      Date.now() + this.#lifetime,
      randomBytes(80),
    )
  }

  /** Takes a grant for this destination, once. @throws Fault DH_GRANT_… */
  async take(token: string, session: string, hop: Leg, destination: Endpoint): Promise<void> {
    const now = Date.now()
    const { id, expiresAt } = checkGrant(
      token,
      this.#keys,
      this.#scope(session, hop),
      destination,
      now,
    )
    if (!(await this.#spent.spend(`grant:${id}`, expiresAt - now + CLOCKS_APART)))
      throw fault('DH_GRANT_SPENT', {})
  }

  /** A gateway is known by its certificate; with `secure: off`, by where it comes from. */
  #scope(session: string, { peer }: Leg): GrantScope {
    return { session, gateway: peer.name ?? peer.host, proxy: this.#instance }
  }
}

function decodeKey(text: string, index: number): Uint8Array {
  const key = /^[A-Za-z0-9_-]{43}$/.test(text)
    ? Uint8Array.fromBase64(text, { alphabet: 'base64url' })
    : undefined
  if (key?.length === 32) return key
  throw fault('DH_CONFIG_SECRET', {
    path: `proxy.grants.keys[${index}]`,
    source: 'it',
    why: 'not 32 bytes in base64url',
  })
}
