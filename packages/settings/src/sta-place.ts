import type { Endpoint } from '@doublehop/wire/endpoint'
import { canonicalHost } from '@doublehop/wire/endpoint'

/** Where the url of an STA leads, and whether by TLS. The url has been checked. */
export function staPlace(url: string): { readonly at: Endpoint; readonly secure: boolean } {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'https:'
  const bare = hostname.replace(/^\[|\]$/g, '')
  const usual = secure ? 443 : 80
  return {
    at: { host: canonicalHost(bare) ?? bare, port: port === '' ? usual : Number(port) },
    secure,
  }
}
