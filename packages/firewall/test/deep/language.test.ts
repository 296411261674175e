import fc from 'fast-check'
import t from 'tap'
import {
  COMPARED_BYTES,
  type Command,
  commandLine,
  LINE_BYTES,
  readCommand,
  readVerdict,
  SEGMENT_BYTES,
  type Verdict,
  verdictLine,
  WAIT_SECONDS,
} from '../../src/deep/language.ts'

const nonce = fc.stringMatching(/^[0-9a-f]{32}$/)
const upTo = (max: number) => fc.integer({ min: 1, max })
const command: fc.Arbitrary<Command> = fc.oneof(
  upTo(WAIT_SECONDS).map((seconds) => ({ what: 'wait', seconds }) as const),
  fc.record({
    what: fc.constantFrom('echo', 'close-last', 'close-first', 'seen'),
    nonce,
  }),
  fc.record({ what: fc.constantFrom('take', 'give'), bytes: upTo(SEGMENT_BYTES) }),
  fc.record({ what: fc.constant('bytes' as const), bytes: upTo(COMPARED_BYTES) }),
)

t.test('every command is read as it was written, and fits in a line', async (t) => {
  fc.assert(
    fc.property(command, (one) => {
      const line = commandLine(one)
      t.same(readCommand(line.slice(0, -2)), one)
      return line.endsWith('\r\n') && line.length <= LINE_BYTES
    }),
  )
})

t.test('every verdict is read as it was written, and fits in a line', async (t) => {
  const one = fc.record({
    count: fc.nat(COMPARED_BYTES),
    digest: fc.stringMatching(/^[0-9a-f]{64}$/),
    firstChange: fc.option(fc.nat(COMPARED_BYTES), { nil: undefined }),
  })
  fc.assert(
    fc.property(one, (verdict: Verdict) => {
      const line = verdictLine(verdict)
      t.same(readVerdict(line.slice(0, -2)), verdict)
      return line.length <= LINE_BYTES
    }),
  )
})

t.test('nobody can ask for more than the bounds', async (t) => {
  for (const line of [
    `doublehop deep wait ${WAIT_SECONDS + 1}`,
    `doublehop deep take ${SEGMENT_BYTES + 1}`,
    `doublehop deep give ${SEGMENT_BYTES + 1}`,
    `doublehop deep bytes ${COMPARED_BYTES + 1}`,
    'doublehop deep give 0',
    'doublehop deep give -1',
    'doublehop deep give 99999999999999999999',
    'doublehop deep echo 12',
    'doublehop deep run sh',
    'GET / HTTP/1.1',
    '',
  ])
    t.equal(readCommand(line), undefined, line)
})
