import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { fault } from '@doublehop/errors/fault'
import { concat } from './conversation.ts'
import { type Endpoint, formatEndpoint } from './endpoint.ts'
import { bytesOf } from './text.ts'

/**
 * The grant: what a proxy hands a gateway after a redemption, and takes once for one connection to one of the
 * two addresses that the ticket led to (docs/security.md). Ours; nobody else speaks it.
 *
 * A token is base64url of 90 bytes:
 * version 1 · key id 1 · expiry 8 (ms since 1970) · random 16 · HMAC of the CGP address 32 · HMAC of the ICA address 32
 */

const TOKEN_VERSION = 1
const HEAD = 26
const MAC = 32

/** To whom and for what a grant is given. */
export interface GrantScope {
  /** the session id the gateway made */
  readonly session: string
  /** the first DNS name of the gateway's certificate, or its source address */
  readonly gateway: string
  /** the proxy that minted it, if only that one may take it; '' where proxies share what is spent */
  readonly proxy: string
}

/** The addresses a ticket led to; either may be missing, and is then never matched. */
export interface GrantedAddresses {
  readonly cgp?: Endpoint
  readonly ica?: Endpoint
}

/**
 * Mints a grant.
 *
 * @param key 32 bytes
 * @param expiresAt ms since 1970
 * @param random 80 bytes nobody can guess: 16 name the grant, the rest fills the place of a missing address
 */
export function mintGrant(
  key: Uint8Array,
  scope: GrantScope,
  addresses: GrantedAddresses,
  expiresAt: number,
  random: Uint8Array,
): string {
  const head = new Uint8Array(HEAD)
  head[0] = TOKEN_VERSION
  head[1] = keyId(key)
  new DataView(head.buffer).setBigUint64(2, BigInt(expiresAt))
  head.set(random.subarray(0, 16), 10)
  const { cgp, ica } = addresses
  const cgpMac = cgp ? mac(key, head, scope, cgp) : random.subarray(16, 48)
  const icaMac = ica ? mac(key, head, scope, ica) : random.subarray(48, 80)
  return concat(head, cgpMac, icaMac).toBase64({ alphabet: 'base64url', omitPadding: true })
}

/** A grant that holds for the destination asked for. */
export interface ValidGrant {
  /** names the grant among the spent ones: hex of its 16 random bytes */
  readonly id: string
  /** ms since 1970 */
  readonly expiresAt: number
}

/**
 * Holds a token against who presents it and where it wants to go. Whether it was spent is for the caller to ask.
 *
 * @param keys those that are valid now: one, or two while they are rotated
 * @throws Fault DH_GRANT_FORM, DH_GRANT_MISMATCH, DH_GRANT_EXPIRED
 */
export function checkGrant(
  token: string,
  keys: readonly Uint8Array[],
  scope: GrantScope,
  destination: Endpoint,
  now: number,
): ValidGrant {
  const bytes = decode(token)
  const head = bytes.subarray(0, HEAD)
  const given = [bytes.subarray(HEAD, HEAD + MAC), bytes.subarray(HEAD + MAC)]
  const matches = keys
    .filter((key) => keyId(key) === head[1])
    .map((key) => mac(key, head, scope, destination))
    .some((wanted) => given.some((one) => timingSafeEqual(one, wanted)))
  if (!matches) throw fault('DH_GRANT_MISMATCH', { destination: formatEndpoint(destination) })
  const view = new DataView(head.buffer, head.byteOffset)
  const expiresAt = Number(view.getBigUint64(2))
  if (now >= expiresAt) throw fault('DH_GRANT_EXPIRED', {})
  return { id: head.subarray(10).toHex(), expiresAt }
}

function decode(token: string): Uint8Array {
  if (!/^[A-Za-z0-9_-]{120}$/.test(token))
    throw fault('DH_GRANT_FORM', { why: 'not 120 characters of base64url' })
  const bytes = Uint8Array.fromBase64(token, { alphabet: 'base64url' })
  if (bytes[0] !== TOKEN_VERSION) throw fault('DH_GRANT_FORM', { why: `version ${bytes[0]}` })
  return bytes
}

/** One byte that tells two keys apart in most cases; where it does not, both are tried. */
function keyId(key: Uint8Array): number {
  return createHash('sha256').update(key).digest()[0] as number
}

/** Every field goes in with its length before it, so no two scopes read the same. */
function mac(
  key: Uint8Array,
  head: Uint8Array,
  scope: GrantScope,
  destination: Endpoint,
): Uint8Array {
  const hmac = createHmac('sha256', key).update(head)
  for (const field of [scope.session, scope.gateway, scope.proxy, formatEndpoint(destination)]) {
    const bytes = bytesOf(field)
    hmac.update(Uint8Array.of(bytes.length >> 8, bytes.length & 255)).update(bytes)
  }
  return hmac.digest()
}
