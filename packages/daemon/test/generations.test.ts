import { mock } from 'node:test'
import { type Generation, Generations } from '@doublehop/daemon/generations'
import t from 'tap'

mock.timers.enable({ apis: ['setTimeout'] })
t.teardown(() => mock.timers.reset())

class Parts implements Generation {
  readonly told: string[] = []

  retire(): void {
    this.told.push('retire')
  }

  close(): void {
    this.told.push('close')
  }
}

t.test('the parts before retire at once, and are closed when no launch can use them', async (t) => {
  const [first, second] = [new Parts(), new Parts()]
  const generations = new Generations(first)
  t.equal(generations.now, first)
  generations.replace(second, 30_000)
  t.equal(generations.now, second)
  t.same(first.told, ['retire'])
  mock.timers.tick(39_999)
  t.same(first.told, ['retire'], 'a launch and 10 s for what it leaves to be done')
  mock.timers.tick(1)
  t.same(first.told, ['retire', 'close'])
  t.same(second.told, [])
})

t.test('of many at once each has its own time', async (t) => {
  const all = Array.from({ length: 100 }, () => new Parts())
  const generations = new Generations(all[0] as Parts)
  for (const next of all.slice(1)) {
    generations.replace(next, 1000)
    mock.timers.tick(100)
  }
  mock.timers.tick(11_000)
  t.same(new Set(all.slice(0, -1).map(({ told }) => told.join())), new Set(['retire,close']))
  t.same(all.at(-1)?.told, [])
})

t.test('the end closes those at work and those before, each once', async (t) => {
  const all = [new Parts(), new Parts(), new Parts()] as const
  const generations = new Generations<Parts>(all[0])
  generations.replace(all[1], 1000)
  mock.timers.tick(11_000)
  generations.replace(all[2], 1000)
  generations.close()
  t.same(
    all.map(({ told }) => told.join()),
    ['retire,close', 'retire,close', 'close'],
  )
})
