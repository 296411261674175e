import { type Conversation, say, take } from '@doublehop/wire/conversation'
import { METHOD, VERSION } from '@doublehop/wire/socks5-messages'
import type { Answer } from './language.ts'

/**
 * Offers both methods that anybody of ours takes, and is content with either (RFC 1928, 3): the gateway wants no login of
 * a workspace, the proxy one of its gateways.
 */
export function* socks(): Conversation<Answer> {
  yield* say(Uint8Array.of(VERSION, 2, METHOD.none, METHOD.password))
  const [version, method = 0] = yield* take(2)
  if (version !== VERSION) return { fits: false }
  if (method === METHOD.none) return { fits: true, note: 'method 00, no login' }
  if (method === METHOD.password) return { fits: true, note: 'method 02, a login' }
  const other = method.toString(16).padStart(2, '0')
  return { fits: false, note: `SOCKS5, but it wants neither no login nor a password: ${other}` }
}
