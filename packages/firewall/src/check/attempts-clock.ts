/**
 * Time during which this process could listen. On a host that is short of processors a process may rest for seconds, and
 * what arrived meanwhile is read only after its timers have run; by the clock on the wall that would look like silence.
 */

const TICK_MILLISECONDS = 50
/** A tick that is later than so much was kept from running. */
const LATE_MILLISECONDS = 50

let users = 0
let ticker: NodeJS.Timeout | undefined
let lastTick = 0
let lost = 0

/** The clock runs until the function that it gives is called. */
export function runClock(): () => void {
  users += 1
  if (ticker === undefined) {
    lastTick = performance.now()
    ticker = setInterval(tick, TICK_MILLISECONDS)
  }
  return () => {
    users -= 1
    if (users > 0) return
    clearInterval(ticker)
    ticker = undefined
  }
}

/** Milliseconds, of which only differences mean anything. */
export function listenedTime(): number {
  return performance.now() - lost
}

/** Calls back once so much has been listened, and what came until then was read. @returns calls it off */
export function afterListening(milliseconds: number, then: () => void): () => void {
  const due = listenedTime() + milliseconds
  let called = false
  let timer: NodeJS.Timeout | undefined
  const look = (): void => {
    const left = due - listenedTime()
    if (left > 1) timer = setTimeout(look, left)
    // Behind the next look at the sockets.
    else setImmediate(() => called || then())
  }
  timer = setTimeout(look, milliseconds)
  return () => {
    called = true
    clearTimeout(timer)
  }
}

function tick(): void {
  const now = performance.now()
  const late = now - lastTick - TICK_MILLISECONDS
  if (late > LATE_MILLISECONDS) lost += late
  lastTick = now
}
