import { isIP, isIPv6 } from 'node:net'

/** An entry of subjectAltName as node-forge takes it: 2 is dNSName, 7 is iPAddress. */
export type GeneralName = { type: 2; value: string } | { type: 7; ip: string }

/**
 * Tells a DNS name from an IP address, which RFC 5280 section 4.2.1.6 keeps in different fields.
 * Any ASCII passes as a DNS name, since tests need odd ones; `assertHostName` is the strict check.
 * @throws RangeError for an empty or non-ASCII name and for an IPv6 address with a zone
 */
export function generalName(name: string): GeneralName {
  if (isIP(name) !== 0) return { type: 7, ip: canonicalAddress(name) }
  if (name === '' || !isAscii(name)) {
    throw new RangeError(`a DNS name in a certificate is ASCII and not empty: ${quoted(name)}`)
  }
  return { type: 2, value: name }
}

/**
 * Checks that a name can be a host: an IP address, or DNS labels of letters, digits, `-` and `_`
 * (container names hold it) of at most 63 characters each and 253 in all, the leftmost of which
 * may be `*`. A name whose last label is a number is a mistyped address, so it is refused.
 * @throws RangeError that shows the name
 */
export function assertHostName(name: string): void {
  if (isIP(name) !== 0) {
    canonicalAddress(name)
    return
  }
  const labels = name.replace(/^\*\./, '').split('.')
  const sound = labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/i.test(label))
  if (!sound || name.length > 253 || /^\d+$/.test(labels.at(-1) ?? '')) {
    throw new RangeError(`neither a host name nor an IP address: ${quoted(name)}`)
  }
}

/** The names in their order, each once; DNS names compare without regard to case. */
export function withoutRepeats(names: readonly string[]): string[] {
  const first = new Map<string, string>()
  for (const name of names) {
    const key = isIP(name) === 0 ? name.toLowerCase() : canonicalAddress(name)
    if (!first.has(key)) first.set(key, name)
  }
  return [...first.values()]
}

/** One spelling, all groups hexadecimal: node-forge misreads several other spellings of IPv6. */
function canonicalAddress(address: string): string {
  if (!isIPv6(address)) return address
  if (address.includes('%')) {
    throw new RangeError(`a certificate holds no IPv6 zone: ${quoted(address)}`)
  }
  return new URL(`http://[${address}]`).hostname.slice(1, -1)
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}

function quoted(name: string): string {
  return JSON.stringify(name.slice(0, 300))
}
