import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { staggered } from '../../src/check/attempts.ts'

/** Answers by attempt, each after so long; undefined is silence to the end. */
function played(plays: readonly (readonly [number, string | undefined])[]) {
  const begun: number[] = []
  const stopped: number[] = []
  const attempt = async (stop: AbortSignal, index: number): Promise<string | undefined> => {
    begun.push(index)
    stop.addEventListener('abort', () => stopped.push(index))
    const [milliseconds = 0, answer] = plays[index] ?? []
    await delay(milliseconds, undefined, { signal: stop }).catch(() => {})
    return stop.aborted ? undefined : answer
  }
  return { begun, stopped, attempt }
}

const isBest = (answer: string): boolean => answer === 'open'

t.test('the first answer ends it, and nothing more is begun', async (t) => {
  const { begun, attempt } = played([[1, 'refused']])
  const starts = [0, 5_000, 10_000]
  t.same(await staggered({ starts, attempt, isBest, grace: 5_000 }), ['refused'])
  t.same(begun, [0])
})

t.test('silence is believed when all were silent', async (t) => {
  const { begun, attempt } = played([
    [20, undefined],
    [20, undefined],
    [20, undefined],
  ])
  t.same(await staggered({ starts: [0, 5, 10], attempt, isBest, grace: 1 }), [])
  t.same(begun, [0, 1, 2])
})

t.test('one under way may still better an answer, for a moment', async (t) => {
  const { attempt } = played([
    [60, 'refused'],
    [80, 'open'],
  ])
  t.same(await staggered({ starts: [0, 1], attempt, isBest, grace: 10_000 }), ['refused', 'open'])
})

t.test('who perseveres believes a refusal only when nobody got further', async (t) => {
  const open = played([
    [1, 'refused'],
    [1, undefined],
    [1, 'open'],
  ])
  const options = { starts: [0, 20, 40], isBest, grace: 1, perseveres: true }
  t.same(await staggered({ ...options, attempt: open.attempt }), ['refused', 'open'])
  const shut = played([1, 2, 3].map((milliseconds) => [milliseconds, 'refused'] as const))
  t.same(await staggered({ ...options, attempt: shut.attempt }), ['refused', 'refused', 'refused'])
})

t.test('one that takes longer is given up', async (t) => {
  const { attempt, stopped } = played([
    [30, 'refused'],
    [60_000, 'open'],
  ])
  t.same(await staggered({ starts: [0, 0], attempt, isBest, grace: 5 }), ['refused'])
  t.same(stopped.includes(1), true)
})

t.test('who gives up is heard at once', async (t) => {
  const { attempt, stopped } = played([[60_000, undefined]])
  const controller = new AbortController()
  const asked = staggered({ starts: [0], attempt, isBest, grace: 1, signal: controller.signal })
  controller.abort(new Error('enough'))
  await t.rejects(asked, { message: 'enough' })
  t.same(stopped, [0])
})
