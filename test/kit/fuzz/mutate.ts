import { concat } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'
import type { Dice } from './dice.ts'

/** What a stranger makes of good inputs: bits, lengths, pieces and encodings changed. */

/** One change of a whole input. */
type Mutation = (bytes: Uint8Array, dice: Dice, corpus: readonly Uint8Array[]) => Uint8Array

const NUMBERS = [
  ...['0', '1', '-1', '255', '256', '65535', '65536', '2147483647', '2147483648', '4294967295'],
  ...['9007199254740993', '18446744073709551616', '1e999', '0x7f', '007', '1.5', 'NaN', '+1'],
].map(bytesOf)

const EDGES = [0, 1, 0x1a, 0x20, 0x2f, 0x3a, 0x3b, 0x7e, 0x7f, 0x80, 0xc0, 0xfe, 0xff]

/** Overlong, surrogate, beyond Unicode, cut short, a lone continuation, a byte that is never UTF-8; and oddities that are. */
const ENCODINGS = [
  ...['c080', 'e08080', 'eda080', 'f4908080', 'f09f98', '80', 'bf', 'ff', 'fe'],
  ...['efbbbf', 'fffe', 'feff', 'e280a8', 'e280ae', 'c285', 'f09f9880', 'efbfbf'],
].map((hex) => Uint8Array.fromHex(hex))

const TOKENS = [
  ...[
    '\0',
    '\r',
    '\n',
    '\r\n',
    '\r\n\r\n',
    '\t',
    ' ',
    ';',
    ';40;',
    ':',
    '::',
    '.',
    '..',
    '/',
    '\\',
  ],
  ...[
    '<',
    '>',
    '&',
    '&amp;',
    '&x;',
    '&#0;',
    '&#x110000;',
    ']]>',
    '<![CDATA[',
    '<!--',
    '-->',
    '<?x?>',
  ],
  ...[
    '<!DOCTYPE a [',
    '</',
    '/>',
    '="',
    '[',
    ']',
    '{',
    '}',
    '- ',
    ': ',
    '*a',
    '&a ',
    '!!str ',
    '---\n',
  ],
  ...[
    '"',
    "'",
    '=',
    '[ApplicationServers]',
    '__proto__',
    'constructor',
    'file:',
    'env:',
    '%',
    '#',
    '\\u0000',
  ],
].map(bytesOf)

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  (bytes, dice) => replaced(bytes, dice.roll(bytes.length + 1), 1, Uint8Array.of(dice.pick(EDGES))),
  (bytes, dice) => bytes.slice(0, dice.roll(bytes.length + 1)),
  (bytes, dice) => bytes.slice(dice.roll(bytes.length + 1)),
  (bytes, dice) => replaced(bytes, dice.roll(bytes.length + 1), 0, dice.bytes(1 + dice.roll(8))),
  (bytes, dice) => replaced(bytes, dice.roll(bytes.length + 1), dice.roll(16), new Uint8Array(0)),
  repeatPiece,
  splice,
  tamperWithLength,
  tamperWithNumber,
  (bytes, dice) => replaced(bytes, dice.roll(bytes.length + 1), dice.roll(3), dice.pick(ENCODINGS)),
  (bytes, dice) => replaced(bytes, dice.roll(bytes.length + 1), dice.roll(3), dice.pick(TOKENS)),
  swapPieces,
]

/** One input: a good one with a few changes; now and then one that is unchanged, or nothing but random bytes. */
export function mutated(dice: Dice, corpus: readonly Uint8Array[], longest: number): Uint8Array {
  if (dice.oneIn(50)) return dice.bytes(dice.roll(Math.min(longest, 600)))
  let bytes = dice.pick(corpus)
  if (dice.oneIn(50)) return bytes
  for (let changes = 1 + dice.roll(4); changes > 0; changes--)
    bytes = dice.pick(MUTATIONS)(bytes, dice, corpus)
  return bytes.subarray(0, longest)
}

function flipBit(bytes: Uint8Array, dice: Dice): Uint8Array {
  const copy = bytes.slice()
  const at = dice.roll(copy.length)
  if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << dice.roll(8))
  return copy
}

/** Twice as a rule, seldom thousands of times. */
function repeatPiece(bytes: Uint8Array, dice: Dice): Uint8Array {
  const from = dice.roll(bytes.length + 1)
  const piece = bytes.subarray(from, from + 1 + dice.roll(dice.oneIn(4) ? bytes.length + 1 : 8))
  const times = dice.oneIn(12) ? 1 + dice.roll(4000) : 1 + dice.roll(3)
  const most = Math.floor(100_000 / Math.max(1, piece.length))
  return replaced(bytes, from, 0, concat(...Array(Math.min(times, most)).fill(piece)))
}

/** The beginning of one and the end of another. */
function splice(bytes: Uint8Array, dice: Dice, corpus: readonly Uint8Array[]): Uint8Array {
  const other = dice.pick(corpus)
  return concat(
    bytes.subarray(0, dice.roll(bytes.length + 1)),
    other.subarray(dice.roll(other.length + 1)),
  )
}

/** One, two or four bytes, wherever they stand, as a length that lies. */
function tamperWithLength(bytes: Uint8Array, dice: Dice): Uint8Array {
  const size = dice.pick([1, 1, 2, 4])
  if (bytes.length < size) return bytes
  const at = dice.roll(bytes.length - size + 1)
  const largest = 2 ** (8 * size)
  const written = bytes.subarray(at, at + size).reduce((sum, byte) => sum * 256 + byte, 0)
  const lie = dice.pick([0, 1, written + 1, written - 1, 2 * written, largest - 1, largest / 2])
  const digits = Uint8Array.from({ length: size }, (_, place) => lie / 256 ** (size - 1 - place))
  return replaced(bytes, at, size, digits)
}

/** A number in digits, at an edge. */
function tamperWithNumber(bytes: Uint8Array, dice: Dice): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1')
  const numbers = [...text.matchAll(/\d+/g)]
  if (numbers.length === 0) return bytes
  const { index, 0: digits } = dice.pick(numbers)
  return replaced(bytes, index, digits.length, dice.pick(NUMBERS))
}

function swapPieces(bytes: Uint8Array, dice: Dice): Uint8Array {
  const [a = 0, b = 0, c = 0] = [0, 0, 0]
    .map(() => dice.roll(bytes.length + 1))
    .toSorted((one, other) => one - other)
  const [first, second] = [bytes.subarray(a, b), bytes.subarray(b, c)]
  return concat(bytes.subarray(0, a), second, first, bytes.subarray(c))
}

function replaced(bytes: Uint8Array, at: number, count: number, by: Uint8Array): Uint8Array {
  return concat(bytes.subarray(0, at), by, bytes.subarray(at + count))
}
