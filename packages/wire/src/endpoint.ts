import { formatIp, parseIp } from './ip.ts'

/** Where something listens or is to be dialled: a name or an IP address, canonical, and a port. */
export interface Endpoint {
  /** a lower-case name, a dotted IPv4 or an RFC 5952 IPv6 address without brackets */
  readonly host: string
  /** 0 to 65535 */
  readonly port: number
}

/** `host:port` or `[v6]:port`; undefined when the text is neither. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const [, bracketed, bare, portText = ''] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = canonicalHost(bracketed ?? bare ?? '')
  const port = Number(portText)
  if (host === undefined || portText === '' || port > 65535) return
  if (bracketed !== undefined && !host.includes(':')) return
  return { host, port }
}

/** The one spelling of this host, or undefined when it is neither an address nor a name. */
export function canonicalHost(text: string): string | undefined {
  const ip = parseIp(text)
  if (ip !== undefined) return formatIp(ip)
  return isName(text) ? text.toLowerCase() : undefined
}

/** `host:port`, an IPv6 address in brackets. The inverse of parseEndpoint, and canonical if the parts are. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Whether these are the same place, compared as spelt. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.host === b.host && a.port === b.port
}

/**
 * A host name: labels of letters, digits, hyphens and underscores, the last of them no number (RFC 1123, 2.1).
 * Resolvers take 127.1 and 0x7f000001 for addresses, and an address has one spelling here.
 */
function isName(text: string): boolean {
  if (text.length > 253) return false
  const labels = text.split('.')
  if (labels.length > 1 && labels.at(-1) === '') labels.pop()
  const last = labels.at(-1) ?? ''
  return (
    labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label)) &&
    !/^(\d+|0x[0-9a-f]*)$/i.test(last)
  )
}
