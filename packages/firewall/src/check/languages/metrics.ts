import type { Conversation } from '@doublehop/wire/conversation'
import { askHttp, httpRequest } from './http.ts'
import type { About, Answer } from './language.ts'

/** As a scraper asks. A daemon answers it only from the networks of management. */
export function* metrics({ host }: About): Conversation<Answer> {
  const answer = yield* askHttp(httpRequest('GET /metrics', host))
  if (answer === undefined) return { fits: false }
  const { status, headers } = answer
  const isText = /^(?:text\/plain|application\/openmetrics-text)\b/i.test(
    headers.get('content-type') ?? '',
  )
  if (status === 200 && isText) return { fits: true, note: 'HTTP 200' }
  if (status === 403) {
    const note = 'HTTP 403: whoever answers does not let this address read metrics'
    return { fits: false, observed: 'unknown', note }
  }
  return { fits: false, note: `HTTP ${status}, and no metrics` }
}
