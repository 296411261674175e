import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isFault } from '@doublehop/errors/fault'
import { readEnvironment } from '@doublehop/settings/environment'
import { readSettings } from '@doublehop/settings/load'
import { parseOverride } from '@doublehop/settings/overrides'
import { duration } from '@doublehop/settings/units'
import t from 'tap'
import { doublingAtMostTriples } from '../kit/doubling.ts'
import { Dice } from '../kit/fuzz/dice.ts'
import { storefrontBody } from '../kit/fuzz/storefront-body.ts'
import { atScale } from '../kit/nightly.ts'
import { fill, numbered, type Shapes } from '../kit/shapes.ts'

/** A configuration of any shape costs no more than in proportion to its size, up to the MiB that is read. */

t.setTimeout(atScale(300_000, 900_000))

const MIB = 2 ** 20
/** The kernel gives a program no argument or variable that is longer. */
const LONGEST_ARGUMENT = 131_072

const folder = mkdtempSync(join(tmpdir(), 'doublehop-doubling-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const deep =
  (open: string, inner: string, close: string) =>
  (size: number): string => {
    const depth = Math.min(800, Math.floor(size / 8 / (open.length + close.length)))
    const around = depth * (open.length + close.length)
    return `sta: ${open.repeat(depth)}${inner.repeat((size - around - 5) / inner.length)}${close.repeat(depth)}`
  }

const files: Shapes = {
  'aliases of an empty group': fill('*a,', 'zones: &a {}\nvda:\n  apps: [', ']'),
  'anchors, each with its alias': numbered((at) => `&a${at} x,*a${at},`, 'sta: [', ']'),
  'aliases of what they stand in': fill('*a,', 'sta: &a [', ']'),
  'a list, repeated as often as it is long': (size) =>
    `sta: &a [${'x,'.repeat(size / 4)}]\nvda: [${'*a,'.repeat(size / 6)}]`,
  'many entries below many levels': deep('[', 'a,', ']'),
  'keys that stand twice below many levels': deep('[{a: ', '{a: ,a: },', '}]'),
  levels: fill('[', 'sta: '),
  'block levels': fill('- ', 'sta: '),
  'unknown keys': numbered((at) => `k${at}: 1\n`),
  'unknown keys in a list': fill('{q: 1},', 'proxy:\n  stas: [', ']'),
  networks: fill('10.0.0.0/8,', 'zones:\n  lan: [', ']'),
  'what is no network': fill('x,', 'zones:\n  lan: [', ']'),
  STAs: numbered((at) => `{id: STA${at}, urls: ["https://a:1"]},`, 'proxy:\n  stas: [', ']'),
  'one key': fill('k', '', ': 1'),
  'one address': fill(':', 'sta:\n  listen: "', '"'),
  'one text of escapes': fill('\\u0041', 'sta: "', '"'),
  'lines of one text': fill('  a\n', 'sta: a\n'),
  'folded lines': fill('  a\n\n', 'sta: >\n'),
  comments: fill('# x\n'),
  tags: fill('!a b,', 'sta: [', ']'),
  'question marks': fill('? \n'),
  documents: fill('---\n'),
  directives: fill('%A b\n'),
  NULs: fill('\0'),
  'brackets of IPv6 on a broken line': fill(' [:', 'sta: {'),
}

t.test('the configuration', async (t) => {
  const file = join(folder, 'doublehop.yaml')
  for (const [name, text] of Object.entries(files)) {
    const make = (size: number): string => text(size - 64)
    const read = (content: string): unknown => {
      writeFileSync(file, content)
      return readSettings(file, [], {})
    }
    doublingAtMostTriples(t, name, { bound: MIB, least: 4096, make, read })
  }
})

t.test('what flags and variables say', async (t) => {
  const overrides: Shapes = {
    'a long path': fill('a.', '', 'a=1'),
    'a path of dots': fill('.', 'a', '=1'),
    'nested JSON': fill('[', 'vda.apps='),
    'a long list': fill('1,', 'vda.apps=[', '1]'),
    'what is no path': fill('-', 'a'),
  }
  for (const [name, make] of Object.entries(overrides)) {
    const read = (text: string): void => {
      try {
        parseOverride(text)
      } catch (caught) {
        if (!isFault(caught, 'DH_USAGE')) throw caught
      }
    }
    doublingAtMostTriples(t, `--set: ${name}`, { bound: LONGEST_ARGUMENT, make, read })
  }
  doublingAtMostTriples(t, 'a variable of a long name', {
    bound: LONGEST_ARGUMENT,
    make: fill('A_', 'DOUBLEHOP_GATEWAY_'),
    read: (name) => readEnvironment({ [name]: '' }, {}),
  })
  doublingAtMostTriples(t, 'a variable that holds much', {
    bound: LONGEST_ARGUMENT,
    make: fill('['),
    read: (value) => readEnvironment({ DOUBLEHOP_VDA_APPS: value }, {}),
  })
  doublingAtMostTriples(t, 'a duration of many digits', {
    bound: MIB,
    make: fill('1', '', ' s'),
    read: (text) => duration('1 s').safeParse(text).success,
  })
})

t.test('the body at the storefront, up to the 4 KiB that are read', async (t) => {
  const bodies: Shapes = {
    'nested lists': fill('['),
    'nested groups': fill('{"a":', '', ''),
    'a long name': fill('x', '{"app":"', '"}'),
    escapes: fill('\\u0041', '{"app":"', '"}'),
    'many keys': numbered((at) => `"a${at}":1,`, '{', '"app":"echo"}'),
    digits: fill('9', '{"app":', '}'),
  }
  for (const [name, text] of Object.entries(bodies)) {
    doublingAtMostTriples(t, name, {
      bound: 4096,
      make: (size) => Buffer.from(text(size)),
      read: (body) => storefrontBody.judge(body, new Dice(1)),
    })
  }
})
