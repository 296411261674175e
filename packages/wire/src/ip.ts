/**
 * IP addresses as bytes and text, and networks to hold them against. Text comes out canonical: RFC 5952 for
 * IPv6, dotted decimal for IPv4, so that two spellings of one address compare as equal.
 */

/** 4 or 16 bytes of the address this text spells, or undefined when it spells none. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text)
}

/** The canonical text of 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes)
}

/** Four decimal octets without leading zeros, which some readers take for octal. */
function parseIpv4(text: string): Uint8Array | undefined {
  const octets = text.split('.')
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet))) return
  const values = octets.map(Number)
  return values.every((value) => value < 256) ? Uint8Array.from(values) : undefined
}

/** Every form of RFC 4291, 2.2; no zone ("%eth0"), which means nothing on another host. */
function parseIpv6(text: string): Uint8Array | undefined {
  if (text.length > 45) return
  const halves = text.split('::')
  if (halves.length > 2) return
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const front = groups(head ?? [], tail === undefined)
  const back = groups(tail ?? [], true)
  if (front === undefined || back === undefined) return
  const missing = 8 - front.length - back.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return
  const words = [...front, ...new Array<number>(missing).fill(0), ...back]
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 255]))
}

/** 16-bit words of colon-separated groups; the last one may be an IPv4 address. */
function groups(parts: readonly string[], mayEndInIpv4: boolean): number[] | undefined {
  const words: number[] = []
  for (const [index, part] of parts.entries()) {
    const ipv4 = mayEndInIpv4 && index === parts.length - 1 ? parseIpv4(part) : undefined
    if (ipv4 !== undefined) {
      const [a = 0, b = 0, c = 0, d = 0] = ipv4
      words.push((a << 8) | b, (c << 8) | d)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) words.push(Number.parseInt(part, 16))
    else return
  }
  return words
}

/** RFC 5952, 4: lower case, no leading zeros, the longest run of zero words (two or more) as "::". */
function formatIpv6(bytes: Uint8Array): string {
  const words = Array.from(
    { length: 8 },
    (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0),
  )
  const run = longestZeroRun(words)
  const hex = words.map((word) => word.toString(16))
  if (run.length < 2) return hex.join(':')
  return `${hex.slice(0, run.start).join(':')}::${hex.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(words: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < words.length; start++) {
    let length = 0
    while (words[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}

/** A network: its first address and how many bits of it count. */
export interface Network {
  readonly address: Uint8Array
  readonly bits: number
}

/** Reads `10.1.0.0/16`, `fd00::/8` or a single address; undefined when the text is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [ip = '', bitsText, more] = text.split('/')
  const address = parseIp(ip)
  if (address === undefined || more !== undefined) return
  if (bitsText === undefined) return { address, bits: address.length * 8 }
  const bits = Number(bitsText)
  return /^\d{1,3}$/.test(bitsText) && bits <= address.length * 8 ? { address, bits } : undefined
}

/** Whether the network holds the address. An IPv4 network never holds an IPv6 address, mapped or not. */
export function contains(network: Network, address: Uint8Array): boolean {
  if (network.address.length !== address.length) return false
  const whole = network.bits >> 3
  for (let i = 0; i < whole; i++) if (network.address[i] !== address[i]) return false
  const mask = 0xff00 >> (network.bits & 7)
  return (((network.address[whole] ?? 0) ^ (address[whole] ?? 0)) & mask & 255) === 0
}

/**
 * Who counts as one source where connections are counted: an IPv4 address, or the /64 of an IPv6 address, since every
 * host on a link may take as many addresses of its /64 as it likes (RFC 8981).
 */
export function sourceOf(address: string): string {
  const bytes = parseIp(unmapped(address))
  if (bytes?.length !== 16) return unmapped(address)
  return `${formatIp(Uint8Array.from(bytes, (byte, index) => (index < 8 ? byte : 0)))}/64`
}

/**
 * 127.0.0.1 from ::ffff:127.0.0.1: what a dual-stack socket calls an IPv4 peer. And fe80::1 from fe80::1%eth0: by which
 * interface a neighbour came is no part of its address, or it would be in no network and a source of its own.
 */
export function unmapped(address: string): string {
  const bytes = parseIp(address.split('%', 1)[0] ?? '')
  if (bytes?.length !== 16) return address
  return contains(MAPPED, bytes) ? formatIp(bytes.subarray(12)) : formatIp(bytes)
}

const MAPPED: Network = {
  address: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0),
  bits: 96,
}
