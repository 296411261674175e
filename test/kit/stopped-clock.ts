import type { Test } from 'tap'

/** Stops the clock that durations are measured with; from then on as much has passed as the test says. */
export function stopClock(t: Test): { passed: number } {
  const began = performance.now()
  const clock = { passed: 0 }
  Object.defineProperty(performance, 'now', {
    value: () => began + clock.passed,
    configurable: true,
  })
  // What was inherited shows again.
  t.teardown(() => Reflect.deleteProperty(performance, 'now'))
  return clock
}
