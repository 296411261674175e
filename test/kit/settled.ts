import { until } from './wait.ts'

/** Waits until a count has begun to grow and then stood still for a while, and gives it. */
export async function settled(count: () => number, stillMilliseconds = 250): Promise<number> {
  let last = 0
  let since = performance.now()
  const look = (): number => {
    if (count() !== last) since = performance.now()
    last = count()
    return last
  }
  const isStill = (seen: number): boolean =>
    seen > 0 && performance.now() - since > stillMilliseconds
  return await until(look, isStill, 15_000)
}
