import { AUTHORITY_HEADER } from '@doublehop/wire/sta-messages'
import { isStaId } from '@doublehop/wire/ticket'
import { type AskOptions, askSta, checkReply } from './ask.ts'

/** Asks the STA at this url for its id; undefined when a foreign one does not tell. @throws Fault DH_STA_… */
export async function identifySta(url: URL, options: AskOptions): Promise<string | undefined> {
  const reply = await askSta({ sta: url.host, url }, options)
  if (reply.status !== 406) checkReply(url.host, 'ask for its id', reply)
  const id = reply.headers[AUTHORITY_HEADER]
  return typeof id === 'string' && isStaId(id) ? id : undefined
}
