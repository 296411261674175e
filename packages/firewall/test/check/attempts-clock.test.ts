import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { afterListening, runClock } from '../../src/check/attempts-clock.ts'

/** Lets nothing else run. */
function rest(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

t.test('while the process rests nobody’s patience runs out', async (t) => {
  const stopClock = runClock()
  t.teardown(stopClock)
  await delay(60)
  let over = false
  const listened = new Promise<void>((resolve) => {
    afterListening(300, () => {
      over = true
      resolve()
    })
  })
  const began = performance.now()
  rest(1000)
  await delay(20)
  t.notOk(over, 'all that it waited for so far was spent resting')
  await listened
  t.ok(performance.now() - began >= 1200)
})

t.test('what is called off does not come', async (t) => {
  const callOff = afterListening(10, () => t.fail('it came'))
  callOff()
  await delay(50)
})
