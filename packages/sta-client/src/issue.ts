import {
  encodeRequestTicket,
  parseResponseTicket,
  SERVICE_KEY_HEADER,
  type TicketData,
} from '@doublehop/wire/sta-messages'
import type { StaTicket } from '@doublehop/wire/ticket'
import { type AskOptions, askSta, checkReply } from './ask.ts'

/** Has the STA at this url issue a ticket for this data. @throws Fault DH_STA_… */
export async function requestTicket(
  url: URL,
  data: TicketData,
  serviceKey: string,
  options: AskOptions & { readonly refreshable?: boolean },
): Promise<StaTicket> {
  const body = encodeRequestTicket(data, { refreshable: options.refreshable ?? false })
  const reply = await askSta(
    { sta: url.host, url, body, headers: { [SERVICE_KEY_HEADER]: serviceKey } },
    options,
  )
  checkReply(url.host, 'issue tickets', reply)
  return parseResponseTicket(reply.body, url.host)
}
