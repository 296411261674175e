import t from 'tap'
import { protocolOf } from '../src/first-byte.ts'

t.test('each of the 256 first bytes is one of three protocols, or refused', async (t) => {
  for (let byte = 0; byte < 256; byte++) {
    if (byte === 0x05) t.equal(protocolOf(byte), 'socks')
    else if (byte === 0x1a) t.equal(protocolOf(byte), 'cgp')
    else if (byte >= 65 && byte <= 90) t.equal(protocolOf(byte), 'http', String.fromCharCode(byte))
    else t.throws(() => protocolOf(byte), { code: 'DH_FIRST_BYTES' }, `${byte}`)
  }
})

t.test('the refusal names the byte in hex', async (t) => {
  t.throws(() => protocolOf(0x0a), { message: /first byte is 0A:/ })
  t.throws(() => protocolOf(0x67), { message: /first byte is 67:/ })
})
