import t from 'tap'
import { Parser } from 'tap-parser'
import { type FileOutcome, readCases } from './cases.ts'

t.test('a subtest is one case, however many assertions it makes', async (t) => {
  const [file] = read(`
    # Subtest: a.test.ts
        # Subtest: adds
            ok 1 - one
            ok 2 - two
            1..2
        ok 1 - adds # time=1ms
        1..1
    ok 1 - a.test.ts # time=20ms
    1..1`)
  t.match(file, { name: 'a.test.ts', passed: 1, failures: [], skips: [], milliseconds: 20 })
})

t.test(
  'a subtest that holds others is no case of its own, but its own assertions are',
  async (t) => {
    const [file] = read(`
    # Subtest: a.test.ts
        # Subtest: holds
            # Subtest: inner
                ok 1 - one
                1..1
            ok 1 - inner
            1..1
        ok 1 - holds
        # Subtest: holds and asserts
            # Subtest: inner
                ok 1 - one
                1..1
            ok 1 - inner
            ok 2 - own
            1..2
        ok 2 - holds and asserts
        1..2
    ok 1 - a.test.ts
    1..1`)
    t.equal(file?.passed, 3)
  },
)

t.test('a case fails once, with all that failed in it', async (t) => {
  const [file] = read(`
    # Subtest: a.test.ts
        # Subtest: compares
            not ok 1 - one is two
              ---
              diff: "-1 +2"
              ...
            ok 2 - fine
            not ok 3 - three is four
            1..3
        not ok 1 - compares
        1..1
    not ok 1 - a.test.ts
      ---
      exitCode: 1
      ...
    1..1`)
  t.match(file, {
    passed: 0,
    failures: [
      {
        path: ['a.test.ts', 'compares'],
        causes: [
          { message: 'one is two', details: { diff: '-1 +2' } },
          { message: 'three is four' },
        ],
      },
    ],
  })
  t.equal(file?.failures.length, 1)
})

t.test('a file that ends badly has failed though every assertion passed', async (t) => {
  const [file] = read(`
    # Subtest: a.test.ts
        ok 1 - fine
        1..1
    not ok 1 - a.test.ts
      ---
      exitCode: 1
      ...
    1..1`)
  t.match(file, { passed: 0, failures: [{ causes: [{ message: 'ended with exit code 1' }] }] })
})

t.test('a file that tap had to kill has failed under its own name', async (t) => {
  const [file] = read(`
    not ok 1 - timeout!
      ---
      expired: a.test.ts
      ...
    1..1`)
  t.match(file, { name: 'a.test.ts', failures: [{ causes: [{ message: 'timed out' }] }] })
})

t.test('a file without a test has failed, unless it gives a reason', async (t) => {
  const files = read(`
    # Subtest: empty.test.ts
        1..0 # no tests found
    ok 1 - empty.test.ts # SKIP no tests found
    # Subtest: later.test.ts
        1..0 # the moon is down
    ok 2 - later.test.ts # SKIP the moon is down
    1..2`)
  t.match(files[0], { failures: [{ causes: [{ message: 'ran no test' }] }], skips: [] })
  t.match(files[1], {
    failures: [],
    skips: [{ path: ['later.test.ts'], reason: 'the moon is down' }],
  })
})

t.test('what is skipped or postponed is told with its reason', async (t) => {
  const [file] = read(`
    # Subtest: a.test.ts
        ok 1 - needs ncat # SKIP ncat is not installed
        not ok 2 - rotates # TODO two keys at once
        # Subtest: half
            ok 1 - the moon is down # SKIP
            ok 2 - fine
            1..2
        ok 3 - half
        # Subtest: nothing else
            ok 1 - the moon is down # SKIP
            1..1
        ok 4 - nothing else
        1..4
    ok 1 - a.test.ts
    1..1`)
  t.match(file, { passed: 1, failures: [] })
  t.same(file?.skips, [
    { path: ['a.test.ts', 'needs ncat'], reason: 'ncat is not installed' },
    { path: ['a.test.ts', 'rotates'], reason: 'todo: two keys at once' },
    { path: ['a.test.ts', 'half', 'the moon is down'], reason: 'the moon is down' },
    { path: ['a.test.ts', 'nothing else', 'the moon is down'], reason: 'the moon is down' },
  ])
})

t.test('a run that bails out has failed', async (t) => {
  t.match(read('Bail out! no room'), [
    { failures: [{ causes: [{ message: 'bailed out: no room' }] }] },
  ])
})

function read(text: string): FileOutcome[] {
  const files: FileOutcome[] = []
  const parser = new Parser()
  readCases(parser, (file) => files.push(file))
  parser.end(text.replace(/^ {4}/gm, '').trimStart())
  return files
}
