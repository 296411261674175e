import { canonicalHost, type Endpoint } from '@doublehop/wire/endpoint'

/** Where a url leads. @param usual the port of its scheme, where it names none */
export function placeOfUrl({ hostname, port }: URL, usual: number): Endpoint {
  const host = hostname.replace(/^\[|\]$/g, '')
  return { host: canonicalHost(host) ?? host, port: port === '' ? usual : Number(port) }
}
