import type { Plan } from '@doublehop/firewall/check/plan'
import t from 'tap'
import { CheckProgress } from '../src/check-progress.ts'

process.env.TERM = 'xterm'

const plan = {
  ...{ doublehop: 'plan', version: 1, zone: 'dmz1', paths: [], admins: [] },
  probes: ['a', 'b', 'c'].map((id) => ({ id })),
} as unknown as Plan

/** What has been written to a terminal, or to something that is none. */
function screen(isTTY: boolean, columns = 80) {
  let text = ''
  const write = (more: string): boolean => {
    text += more
    return true
  }
  const stream = { isTTY, columns, write } as unknown as NodeJS.WriteStream
  return { stream, take: () => text.split('\r\u001B[K').slice(1) }
}

t.test(
  'a terminal counts the flows that are judged, each once, and is clean in the end',
  async (t) => {
    const { stream, take } = screen(true)
    const progress = new CheckProgress([plan], undefined, stream)
    progress.begin()
    for (const id of ['b', 'a', 'a']) progress.flow(id)
    progress.end()
    t.same(take(), [
      'checking dmz1 … 0 of 3',
      'checking dmz1 … 1 of 3',
      'checking dmz1 … 2 of 3',
      'checking dmz1 … 2 of 3',
      '',
    ])
  },
)

t.test('it counts what is checked, and begins anew', async (t) => {
  const { stream, take } = screen(true)
  const progress = new CheckProgress([plan, { ...plan, zone: 'dmz2' }], ['b'], stream)
  progress.begin()
  progress.flow('b')
  progress.begin()
  t.same(
    take(),
    [0, 1, 0].map((count) => `checking dmz1, dmz2 … ${count} of 1`),
  )
})

t.test('it never takes a second line', async (t) => {
  const { stream, take } = screen(true, 12)
  new CheckProgress([plan], undefined, stream).begin()
  t.same(take(), ['checking dm'])
})

t.test('elsewhere nothing is written, nor on a terminal that cannot go back', async (t) => {
  for (const [isTTY, TERM] of [
    [false, 'xterm'],
    [true, 'dumb'],
  ] as const) {
    process.env.TERM = TERM
    const { stream, take } = screen(isTTY)
    const progress = new CheckProgress([plan], undefined, stream)
    progress.begin()
    progress.flow('a')
    progress.end()
    t.same(take(), [], TERM)
  }
})
