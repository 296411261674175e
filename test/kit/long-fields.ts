import { concat } from '@doublehop/wire/conversation'
import { encodeRequestData } from '@doublehop/wire/sta-messages'
import { bytesOf } from '@doublehop/wire/text'
import { type HttpService, whole } from './http-services.ts'

/** A field of the wire, made as long as a test wants it. */
export type LongField = (length: number) => string | Uint8Array

const HEX = (digits: string): Uint8Array => Uint8Array.fromHex(digits)
const TICKET = `;40;STA01;${'F'.repeat(32)}`
const letters = (length: number): string => 'q'.repeat(length)

/** Every text field of an HTTP request, and of the XML or JSON in it. */
export function httpFields({ head, body, name }: HttpService): Record<string, LongField> {
  const withHeader = (line: (value: string) => string): LongField => {
    return (length) => whole(`${head}${line(letters(length))}\r\n`, body)
  }
  const withBody = (text: (value: string) => string): LongField => {
    return (length) => whole(head, text(letters(length)))
  }
  const ask = Buffer.from(encodeRequestData({ hex: 'F'.repeat(32) })).toString()
  const issue = (value: string): string =>
    `<CtxSTAProtocol><RequestTicket><TicketData>${value}</TicketData></RequestTicket></CtxSTAProtocol>`
  const xml: Record<string, LongField> = {
    'an element’s name': withBody((value) => ask.replace('<Ticket>', `<${value}/><Ticket>`)),
    'an attribute’s name': withBody((value) => ask.replace('<Ticket>', `<Ticket ${value}="">`)),
    'an attribute’s value': withBody((value) => ask.replace('<Ticket>', `<Ticket a="${value}">`)),
    'a ticket': withBody((value) => ask.replace(/<Ticket>.*</, `<Ticket>${value}<`)),
    'an STA’s id': withBody((value) =>
      ask.replace(/<Ticket>.*</, `<Ticket>;40;STA${value};${'F'.repeat(32)}<`),
    ),
    'the name of a value': withBody((value) => issue(`<Value name="${value}">x</Value>`)),
    'a value': withBody((value) => issue(`<Value name="CGPAddress">${value}</Value>`)),
    'an entity’s name': withBody((value) => ask.replace('<Ticket>', `<Ticket>&${value};`)),
    'the DOCTYPE': withBody((value) => ask.replace('CtxSTA.dtd', value)),
  }
  const json: Record<string, LongField> = {
    'an app’s name': withBody((value) => `{"app":"${value}"}`),
    'a key': withBody((value) => `{"${value}":"echo"}`),
    'a token': (length) => whole(head.replace(/Bearer [^\r]*/, `Bearer ${letters(length)}`), body),
    'a scheme': (length) => whole(head.replace('Bearer', letters(length)), body),
  }
  return {
    'a method': (length) => whole(head.replace('POST', letters(length).toUpperCase()), body),
    'a path': (length) => whole(head.replace(/^POST [^ ]*/, `POST /${letters(length)}`), body),
    'a version': (length) => whole(head.replace('HTTP/1.1', `HTTP/1.${'1'.repeat(length)}`), body),
    'a host': (length) => whole(head.replace(/Host: [^\r]*/, `Host: ${letters(length)}`), body),
    'a type': (length) =>
      whole(head.replace(/Content-Type: [^\r]*/, `Content-Type: ${letters(length)}`), body),
    'a length': (length) => `${head}Content-Length: ${'0'.repeat(length)}1\r\n\r\nx`,
    'a header’s name': withHeader((value) => `${value}: x`),
    'a header': withHeader((value) => `X: ${value}`),
    'a session': withHeader((value) => `Doublehop-Session: ${value}`),
    'a grant': withHeader((value) => `Doublehop-Grant: ${value}`),
    'a purpose': withHeader((value) => `Doublehop-Purpose: ${value}`),
    'a service key': withHeader((value) => `X-Citrix-XmlServiceKey: ${value}`),
    'an extension of a chunk': (length) =>
      `${head}Transfer-Encoding: chunked\r\n\r\n1;${letters(length)}\r\nx\r\n0\r\n\r\n`,
    'a trailer': (length) =>
      `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ${letters(length)}\r\n\r\n`,
    ...(name.startsWith('storefront') ? json : xml),
  }
}

/** What a client says to a gateway. Lengths have one byte: what is longer lies. */
export const clientFields: Record<string, LongField> = {
  'the methods of a SOCKS greeting': (length) =>
    concat(HEX('05'), size(length), bytesOf(letters(length))),
  'the name of a CONNECT': (length) =>
    concat(HEX('05010005010003'), size(length), bytesOf(letters(length)), HEX('0a26')),
  'a ticket in a CONNECT': (length) =>
    concat(
      HEX('05010005010003'),
      size(length),
      bytesOf(`${TICKET}${'0'.repeat(length)}`.slice(0, length)),
      HEX('0a26'),
    ),
  'what stands before the ticket of a CGP flight': (length) =>
    concat(HEX('1a4347502f3031'), bytesOf(letters(length)), bytesOf(`${TICKET}\n`)),
  'the digits of a ticket in a CGP flight': (length) =>
    concat(HEX('1a4347502f3031'), bytesOf(`;40;STA01;${'F'.repeat(length)}\n`)),
  'the STA’s id in a CGP flight': (length) =>
    concat(HEX('1a4347502f3031'), bytesOf(`;40;STA${letters(length)};${'F'.repeat(32)}\n`)),
}

/** What a gateway says to a proxy. */
export const gatewayFields: Record<string, LongField> = {
  'a user name': (length) => login(letters(length), '-', 'vda.internal'),
  'a password': (length) => login('0123456789abcdef'.repeat(2), letters(length), 'vda.internal'),
  both: (length) => login(letters(length), letters(length), 'vda.internal'),
  'a name': (length) => login('0123456789abcdef'.repeat(2), 'A'.repeat(120), letters(length)),
  'a ticket': (length) => login('0123456789abcdef'.repeat(2), '-', `;40;STA01;${letters(length)}`),
}

/** The values behind the addresses of a PROXY header, up to the 65,535 that fit its length field. */
export const proxyHeaderFields: Record<string, LongField> = {
  'values of a PROXY header': (length) =>
    concat(
      HEX('0d0a0d0a000d0a515549540a2111'),
      Uint8Array.of((length >> 8) & 255, length & 255),
      bytesOf(letters(length)),
    ),
}

/** What an STA answers to a RequestData. */
export const staFields: Record<string, LongField> = {
  'a reason': (length) => `HTTP/1.1 200 ${letters(length)}\r\nContent-Length: 1\r\n\r\nx`,
  'a header': (length) => `HTTP/1.1 200 OK\r\nX: ${letters(length)}\r\nContent-Length: 1\r\n\r\nx`,
  'its id': (length) =>
    `HTTP/1.1 406 no\r\nDoublehop-Authority: STA${letters(length)}\r\nContent-Length: 0\r\n\r\n`,
  'an address': (length) => answered(`<Value name="CGPAddress">${letters(length)}:2598</Value>`),
  'a name': (length) => answered(`<Value name="${letters(length)}">x</Value>`),
  'an element’s name': (length) => answered(`<${letters(length)}/>`),
  'a refusal': (length) =>
    xmlAnswer(
      `<CtxSTAProtocol><ResponseData><ErrorId>${letters(length)}</ErrorId></ResponseData></CtxSTAProtocol>`,
    ),
  'no XML': (length) => xmlAnswer(letters(length)),
}

function login(username: string, password: string, host: string): Uint8Array {
  const [user, secret, name] = [username, password, host].map(bytesOf) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  return concat(
    HEX('05010201'),
    ...[size(user.length), user, size(secret.length), secret],
    ...[HEX('05010003'), size(name.length), name, HEX('0a26')],
  )
}

function size(length: number): Uint8Array {
  return Uint8Array.of(Math.min(length, 255))
}

function answered(inner: string): string {
  return xmlAnswer(
    `<CtxSTAProtocol><ResponseData><TicketData>${inner}</TicketData></ResponseData></CtxSTAProtocol>`,
  )
}

function xmlAnswer(body: string): string {
  return `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}
