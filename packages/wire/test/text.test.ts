import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { bytesOf, printableAscii, utf8 } from '../src/text.ts'
import * as arbitrary from './arbitraries.ts'
import { holds } from './property.ts'

t.test('only UTF-8 is read as UTF-8', async (t) => {
  const bad = ['80', 'c3', 'c328', 'c080', 'e282', 'eda080', 'f4908080', 'fe', '61ff']
  for (const hex of bad) t.equal(utf8(Uint8Array.fromHex(hex)), undefined, hex)
  t.equal(utf8(Uint8Array.fromHex('c3bc')), 'ü')
  t.equal(utf8(new Uint8Array(0)), '')
})

t.test('a byte order mark is a character like another', async (t) => {
  t.equal(utf8(Uint8Array.fromHex('efbbbf61')), '\ufeffa')
})

t.test('printable ASCII is 20 to 7E', async (t) => {
  for (let byte = 0; byte < 256; byte++) {
    const expected = byte >= 0x20 && byte <= 0x7e ? `a${String.fromCharCode(byte)}` : undefined
    t.equal(printableAscii(Uint8Array.of(0x61, byte)), expected)
  }
  t.equal(printableAscii(new Uint8Array(0)), '')
})

holds<[string]>(
  t,
  'text that becomes bytes reads the same',
  [arbitrary.wildText().map((text) => text.toWellFormed())],
  (text) => assert.equal(utf8(bytesOf(text)), text),
)

holds<[Uint8Array]>(
  t,
  'bytes that read as text become the same bytes again',
  [fc.uint8Array({ maxLength: 6 })],
  (bytes) => {
    const text = utf8(bytes)
    if (text !== undefined) assert.equal(bytesOf(text).toHex(), bytes.toHex())
  },
  { runs: 5000 },
)
