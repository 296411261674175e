import { fault } from '@doublehop/errors/fault'
import { CGP_FIRST_BYTE } from './cgp.ts'
import { VERSION } from './socks5-messages.ts'

/** What a client may speak to the gateway after TLS, all on one port (docs/protocols.md, 2). */
export type ClientProtocol = 'socks' | 'cgp' | 'http'

/** Tells the three apart: SOCKS5 begins with 05, CGP with 1A, HTTP with an upper-case letter. @throws Fault DH_FIRST_BYTES */
export function protocolOf(firstByte: number): ClientProtocol {
  if (firstByte === VERSION) return 'socks'
  if (firstByte === CGP_FIRST_BYTE) return 'cgp'
  if (firstByte >= 0x41 && firstByte <= 0x5a) return 'http'
  throw fault('DH_FIRST_BYTES', { byte: firstByte.toString(16).padStart(2, '0').toUpperCase() })
}
