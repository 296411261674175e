import fc from 'fast-check'
import t from 'tap'
import { z } from 'zod'
import { count, duration, durationOrOff, size } from '../src/units.ts'

const MILLISECONDS = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const BYTES = { B: 1, KiB: 1024, MiB: 1024 * 1024 }

/** An amount and a unit as text, with or without a space between, and what it comes to. */
function written(units: Readonly<Record<string, number>>, limit: number) {
  return fc
    .tuple(fc.constantFrom(...Object.entries(units)), fc.boolean())
    .chain(([[unit, factor], space]) =>
      fc
        .integer({ min: 1, max: Math.min(999_999_999, Math.floor(limit / factor)) })
        .map((amount) => ({
          text: `${amount}${space ? ' ' : ''}${unit}`,
          value: amount * factor,
        })),
    )
}

t.test('a duration comes out in milliseconds, whatever its unit', async (t) => {
  fc.assert(
    fc.property(written(MILLISECONDS, 24 * 86_400_000), ({ text, value }) => {
      return duration('1 s').parse(text) === value && durationOrOff('off').parse(text) === value
    }),
    { seed: 1 },
  )
  t.equal(duration('1 s').parse('90 s'), 90_000)
  t.equal(duration('1 s').parse('5min'), 300_000)
})

t.test('a size comes out in bytes, whatever its unit', async (t) => {
  fc.assert(
    fc.property(
      written(BYTES, 1024 ** 3),
      ({ text, value }) => size('1 KiB').parse(text) === value,
    ),
    { seed: 1 },
  )
  t.equal(size('1 KiB').parse('64 KiB'), 65_536)
})

t.test('any other text is no duration, and says what is', async (t) => {
  const others = [
    '',
    '10',
    's',
    '10 S',
    '10  s',
    ' 10 s',
    '10 s ',
    '-1 s',
    '+1 s',
    '1.5 s',
    '1e3 s',
    '10 sec',
    '10 m',
    '10 s\n',
    '1 h 5 min',
    '٣ s',
    '9999999999 s',
    'off',
  ]
  for (const text of others) {
    const { error } = duration('1 s').safeParse(text)
    t.match(
      error?.issues,
      [{ message: 'expected a duration such as "10 s" (ms, s, min, h, d)' }],
      JSON.stringify(text),
    )
  }
})

t.test('any other text is no size', async (t) => {
  for (const text of ['', '64', '64 KB', '64 kiB', '64 k', '1 GiB', '-1 B', '0x10 B']) {
    const { error } = size('1 KiB').safeParse(text)
    t.match(
      error?.issues,
      [{ message: 'expected a size such as "64 KiB" (B, KiB, MiB)' }],
      JSON.stringify(text),
    )
  }
})

t.test('no duration is longer than a timer can wait', async (t) => {
  t.ok(duration('1 s').parse('24 d') < 2 ** 31)
  for (const text of ['25 d', '577 h', '34561 min', '2073601 s', '999999999 d']) {
    t.match(
      duration('1 s').safeParse(text).error?.issues,
      [{ message: 'expected 1 ms to 24 d' }],
      text,
    )
  }
  t.match(durationOrOff('off').safeParse('25 d').error?.issues, [
    { message: 'expected 1 ms to 24 d' },
  ])
})

t.test('a limit of nothing is no limit that works; only a wait may be none', async (t) => {
  t.match(duration('1 s').safeParse('0 s').error?.issues, [{ message: 'expected 1 ms to 24 d' }])
  t.match(durationOrOff('off').safeParse('0 s').error?.issues, [
    { message: 'expected 1 ms to 24 d' },
  ])
  t.match(size('1 KiB').safeParse('0 B').error?.issues, [{ message: 'expected 1 B to 1024 MiB' }])
  t.equal(duration('1 s', 0).parse('0 s'), 0)
})

t.test('no size is larger than 1024 MiB', async (t) => {
  t.equal(size('1 KiB').parse('1024 MiB'), 1024 ** 3)
  t.match(size('1 KiB').safeParse('1025 MiB').error?.issues, [
    { message: 'expected 1 B to 1024 MiB' },
  ])
})

t.test('off is no duration at all', async (t) => {
  t.equal(durationOrOff('10 s').parse('off'), undefined)
  t.equal(durationOrOff('off').parse(undefined), undefined)
  t.equal(durationOrOff('10 s').parse(undefined), 10_000)
})

t.test('what is left out is what was written as default', async (t) => {
  const settings = z.object({ wait: duration('5 min'), room: size('4 KiB'), many: count(7) })
  t.strictSame(settings.parse({}), { wait: 300_000, room: 4096, many: 7 })
})

t.test('a count is a whole number from 1 to ten million', async (t) => {
  t.equal(count(1).parse(10_000_000), 10_000_000)
  for (const value of [0, -1, 1.5, 10_000_001, Number.NaN, Number.POSITIVE_INFINITY, '5', null]) {
    t.notOk(count(1).safeParse(value).success, String(value))
  }
})
