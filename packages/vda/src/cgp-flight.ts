import type { LegListener } from '@doublehop/daemon/leg'
import type { Spliceable } from '@doublehop/daemon/splice'
import { acceptCgp, CGP_FIRST_BYTE, type CgpFlight } from '@doublehop/wire/cgp'
import { Dialogue } from '@doublehop/wire/conversation'

/**
 * The same leg, without the flight with which a CGP client begins. Our workspace sends one of our own around its
 * ticket; a session that came by SOCKS begins with the application's bytes. What this end says is not held up.
 */
export function withoutCgpFlight(leg: Spliceable): Spliceable {
  return {
    listen: (listener) => leg.listen(stripped(listener, () => leg.reset())),
    write: (bytes) => leg.write(bytes),
    pause: () => leg.pause(),
    resume: () => leg.resume(),
    end: () => leg.end(),
    reset: () => leg.reset(),
  }
}

function stripped(listener: LegListener, refuse: () => void): LegListener {
  let flight: Dialogue<CgpFlight> | undefined
  let begun = false
  const bytes = (chunk: Uint8Array): void => {
    if (!begun) {
      begun = true
      if (chunk[0] === CGP_FIRST_BYTE) flight = new Dialogue(acceptCgp(), () => {})
    }
    if (flight === undefined) {
      listener.bytes(chunk)
      return
    }
    try {
      flight.feed(chunk)
    } catch {
      refuse()
      return
    }
    if (flight.outcome === undefined) return
    const { unread } = flight
    flight = undefined
    if (unread.length > 0) listener.bytes(unread)
  }
  return {
    ...listener,
    bytes,
    end: () => listener.end(),
    drain: () => listener.drain(),
    close: (error) => listener.close(error),
  }
}
