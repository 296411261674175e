import type { Endpoint } from '@doublehop/wire/endpoint'
import { type Dialling, mutualTls } from './traffic.ts'
import { placeOfUrl } from './url-place.ts'
import type { Identity } from './values.ts'

/** Where the url of an STA leads, and whether by TLS. It has been checked. */
export function staPlace(url: string | URL): { readonly at: Endpoint; readonly secure: boolean } {
  const parsed = new URL(url)
  const secure = parsed.protocol === 'https:'
  return { at: placeOfUrl(parsed, secure ? 443 : 80), secure }
}

/** The dials to the STAs that a section lists. @param identity left out where somebody else speaks to them there */
export function staDials(
  stas: readonly { readonly id?: string | undefined; readonly urls: readonly string[] }[],
  identity: Identity | undefined,
  purpose: Pick<Dialling, 'by' | 'speaks' | 'why' | 'steps'>,
): Dialling[] {
  return stas.flatMap(({ id, urls }) =>
    urls.map((url) => {
      const { at, secure } = staPlace(url)
      const tls = secure && identity !== undefined ? mutualTls(identity, at.host) : {}
      return { to: at, called: id ?? 'sta', transport: 'tcp', ...purpose, ...tls }
    }),
  )
}
