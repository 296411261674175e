import { type Conversation, concat } from '@doublehop/wire/conversation'
import { encodeProxyHeader } from '@doublehop/wire/proxy-protocol'
import { askHttp, httpRequest } from './http.ts'
import type { About, Answer } from './language.ts'

/** As a gateway speaks: who the client is, in a PROXY v2 header, and then what the client asks. Any HTTP answers. */
export function* storefront({ from, to, host }: About): Conversation<Answer> {
  const asked = concat(encodeProxyHeader(from, to), httpRequest('GET /', host))
  const answer = yield* askHttp(asked)
  if (answer === undefined) return { fits: false }
  return { fits: true, note: `HTTP ${answer.status}` }
}
