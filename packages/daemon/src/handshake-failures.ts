import type { ListenOptions } from './listen.ts'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'

/** Lines a second at most: whoever can open connections must not fill a disk with their ends. */
const LINES_A_SECOND = 20

/** Counts each connection that did not get through its handshake, and writes a line of it while there are few. */
export function noteHandshakeFailures(log: Logger, metrics: Metrics): ListenOptions['onFailure'] {
  let second = 0
  let lines = 0
  let untold = 0
  return (failure, peer) => {
    metrics.failed(failure.code)
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) {
      if (untold > 0)
        log.warn(
          { event: 'handshakes-failed', count: untold },
          `${untold} more connections failed in their handshake; doublehop_failures_total counts them by code`,
        )
      second = now
      lines = 0
      untold = 0
    }
    if (++lines > LINES_A_SECOND) return void untold++
    log.info({ event: 'handshake-failed', code: failure.code, peer: peer.host }, failure.message)
  }
}
