import type { LegListener } from '@doublehop/daemon/leg'
import type { Spliceable } from '@doublehop/daemon/splice'
import { acceptCgp, CGP_SIGNATURE, type CgpFlight } from '@doublehop/wire/cgp'
import { concat, Dialogue } from '@doublehop/wire/conversation'

/**
 * The same leg, without the flight with which a CGP client begins. Our workspace sends one of our own around its
 * ticket; a session that came by SOCKS begins with the application's bytes, whatever those are: only the whole
 * signature makes a flight. What this end says is not held up.
 */
export function withoutCgpFlight(leg: Spliceable): Spliceable {
  return {
    listen: (listener) => leg.listen(stripped(listener, () => leg.reset())),
    write: (bytes) => leg.write(bytes),
    pause: () => leg.pause(),
    resume: () => leg.resume(),
    end: () => leg.end(),
    reset: () => leg.reset(),
    destroy: () => leg.destroy(),
    get isLost() {
      return leg.isLost
    },
    get hasSaidAll() {
      return leg.hasSaidAll
    },
  }
}

function stripped(listener: LegListener, refuse: () => void): LegListener {
  /** all that came while it may still be the beginning of a signature */
  let begun: Uint8Array | undefined = new Uint8Array(0)
  let flight: Dialogue<CgpFlight> | undefined

  const decide = (chunk: Uint8Array): void => {
    begun = concat(begun ?? new Uint8Array(0), chunk)
    const said = begun
    if (!mayBeSigned(said)) {
      begun = undefined
      listener.bytes(said)
    } else if (said.length >= CGP_SIGNATURE.length) {
      begun = undefined
      flight = new Dialogue(acceptCgp(), () => {})
      takeOff(flight, said)
    }
  }
  const takeOff = (dialogue: Dialogue<CgpFlight>, chunk: Uint8Array): void => {
    try {
      dialogue.feed(chunk)
    } catch {
      refuse()
      return
    }
    if (dialogue.outcome === undefined) return
    flight = undefined
    if (dialogue.unread.length > 0) listener.bytes(dialogue.unread)
  }

  return {
    bytes(chunk) {
      if (begun !== undefined) decide(chunk)
      else if (flight !== undefined) takeOff(flight, chunk)
      else listener.bytes(chunk)
    },
    end() {
      if (begun !== undefined && begun.length > 0) listener.bytes(begun)
      begun = undefined
      listener.end()
    },
    drain: () => listener.drain(),
    close: (error) => listener.close(error),
  }
}

function mayBeSigned(said: Uint8Array): boolean {
  return CGP_SIGNATURE.every((byte, at) => at >= said.length || said[at] === byte)
}
