import { isFault } from '@doublehop/errors/fault'
import type { Conversation } from '@doublehop/wire/conversation'
import {
  AUTHORITY_HEADER,
  encodeRequestData,
  parseResponseData,
  STA_LIMIT,
  STA_PATH,
} from '@doublehop/wire/sta-messages'
import { isStaId } from '@doublehop/wire/ticket'
import { askHttp, type HttpAnswer, httpRequest } from './http.ts'
import type { About, Answer } from './language.ts'

const NO_TICKET = '0'.repeat(32)

/** As one who may redeem asks: for a ticket that no STA issues, which it must refuse as unknown. */
export function* sta({ host }: About): Conversation<Answer> {
  const body = encodeRequestData({ hex: NO_TICKET })
  const headers = { 'content-type': 'text/xml', 'content-length': String(body.length) }
  const answer = yield* askHttp(httpRequest(`POST ${STA_PATH}`, host, headers, body), STA_LIMIT)
  if (answer === undefined) return { fits: false }
  if (answer.status === 200 && (answer.body !== undefined || !isXml(answer)))
    return judge(answer.body ?? new Uint8Array(0))
  if (answer.status === 200)
    return {
      fits: false,
      observed: 'unknown',
      note: 'an STA perhaps, but it does not tell how long its answer is',
    }
  // Our STA answers so whom it does not list; so would a wall of somebody else's, but not in XML.
  if (answer.status === 403 && isXml(answer))
    return {
      fits: false,
      observed: 'unknown',
      note: 'an STA, but it does not let this caller redeem: see its list of redeemers',
    }
  return { fits: false, note: `HTTP ${answer.status}, and no STA answers so` }
}

function judge(body: Uint8Array): Answer {
  try {
    parseResponseData(body, 'there')
  } catch (error) {
    if (isFault(error, 'DH_TICKET_UNKNOWN', 'DH_TICKET_USED', 'DH_TICKET_EXPIRED'))
      return { fits: true, note: 'refuses the all-zero ticket' }
    // A foreign STA refuses in words that nobody has published.
    if (isFault(error) && /<CtxSTAProtocol[\s>]/.test(new TextDecoder('latin1').decode(body)))
      return { fits: true, note: 'an STA of another make' }
    return { fits: false, note: 'HTTP 200, and what it says is not of an STA' }
  }
  return { fits: false, note: 'it has data for the all-zero ticket, which no STA issues' }
}

/** As load balancers ask whether it is healthy, and gateways for its id. */
export function* staHealth({ host }: About): Conversation<Answer> {
  const answer = yield* askHttp(httpRequest(`GET ${STA_PATH}`, host))
  if (answer === undefined) return { fits: false }
  if (answer.status !== 406) return { fits: false, note: `HTTP ${answer.status} instead of 406` }
  const id = answer.headers.get(AUTHORITY_HEADER)
  return { fits: true, note: id !== undefined && isStaId(id) ? `406, ${id}` : '406' }
}

function isXml({ headers }: HttpAnswer): boolean {
  return /^text\/xml\b/i.test(headers.get('content-type') ?? '')
}
