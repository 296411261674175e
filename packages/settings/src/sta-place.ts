import type { Endpoint } from '@doublehop/wire/endpoint'
import { placeOfUrl } from './url-place.ts'

/** Where the url of an STA leads, and whether by TLS. The url has been checked. */
export function staPlace(text: string): { readonly at: Endpoint; readonly secure: boolean } {
  const url = new URL(text)
  const secure = url.protocol === 'https:'
  return { at: placeOfUrl(url, secure ? 443 : 80), secure }
}
