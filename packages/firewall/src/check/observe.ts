import { runClock } from './attempts-clock.ts'
import { LANGUAGES } from './languages/languages.ts'
import type { Observation } from './observation.ts'
import { speakAbove } from './observe-above.ts'
import { resolveName } from './observe-name.ts'
import { hearStandIn } from './observe-stand-in.ts'
import { type Outcome, Trail } from './observe-trail.ts'
import type { Probe } from './plan.ts'
import type { Layer } from './result.ts'
import { openTcp } from './tcp.ts'
import { askUdp, questionOf } from './udp.ts'
import type { Witness } from './witness.ts'

export interface ObserveOptions {
  /** how long silence is listened to; a probe takes less than twice that, or four seconds where a service is slow */
  readonly timeoutMilliseconds: number
  /** sees ICMP errors and resets, where that is allowed */
  readonly witness?: Witness
  readonly signal?: AbortSignal
}

/** What all of a probe may take, and the lookup of its name, in parts of the timeout. */
const WHOLE = 1.9
/** A service that answers late is slow, and no firewall: however short silence is listened to, it has so long. */
const SLOW_SERVICE_MILLISECONDS = 4000
const NAME = 0.5
/** A listener greets with the first packet behind the handshake. */
const GREETING = 0.25
const GREETING_MILLISECONDS = 500

/**
 * Tries one flow from the address it starts from, layer by layer, up to where it is stopped. Never rejects for what the
 * network does.
 *
 * @throws the reason of `signal`
 */
export async function observe(probe: Probe, options: ObserveOptions): Promise<Observation> {
  const stopClock = runClock()
  try {
    const trail = new Trail(layersOf(probe), wholeOf(options))
    return trail.end(await climb(probe, trail, options))
  } finally {
    stopClock()
  }
}

/** The layers that a probe has, from below. On a forbidden flow nothing is spoken: to get through is the news. */
function layersOf(probe: Probe): Layer['layer'][] {
  const { protocol, expect, to, tls, speaks } = probe
  if (expect === 'deny') return [protocol]
  const name = to.host === undefined ? [] : (['name'] as const)
  if (protocol === 'udp') return [...name, 'udp', questionOf(probe).layer]
  const language = LANGUAGES[speaks]
  return [...name, 'tcp', ...(tls ? (['tls'] as const) : []), ...(language ? [language.layer] : [])]
}

async function climb(probe: Probe, trail: Trail, options: ObserveOptions): Promise<Outcome> {
  const { timeoutMilliseconds: timeout, witness, signal } = options
  const { expect, to, protocol, tls, speaks } = probe
  signal?.throwIfAborted()
  if (expect === 'allow' && to.host !== undefined) {
    const name = await resolveName(to.host, to.address, NAME * timeout)
    if (name.result === 'fail')
      return { observed: 'unknown', note: name.note ?? '', layers: [name] }
    trail.pass(name)
  }
  const limits = { milliseconds: timeout, trail, signal }
  if (protocol === 'udp') return onlyUdp(await askUdp(probe, { ...limits, witness }), expect)

  const opened = await openTcp(probe, { ...limits, witness })
  if ('layers' in opened) return opened
  if (expect === 'deny') {
    opened.destroy()
    return { observed: 'open', layers: [] }
  }
  if (tls === undefined && LANGUAGES[speaks] === undefined) {
    const patience = Math.min(GREETING * timeout, GREETING_MILLISECONDS)
    const standIn = await hearStandIn(opened, trail, patience)
    return { observed: 'open', layers: [], ...(standIn && { standIn }) }
  }
  const patience = Math.max(timeout, SLOW_SERVICE_MILLISECONDS)
  return await speakAbove(probe, opened, { ...limits, milliseconds: patience })
}

function wholeOf({ timeoutMilliseconds }: ObserveOptions): number {
  return Math.max(WHOLE * timeoutMilliseconds, SLOW_SERVICE_MILLISECONDS)
}

/** What answered on a forbidden flow, whatever it speaks, has answered. */
function onlyUdp(outcome: Outcome, expect: Probe['expect']): Outcome {
  const [udp] = outcome.layers
  if (expect === 'allow' || udp === undefined) return outcome
  const { observed, ...seen } = outcome
  return { ...seen, observed: udp.result === 'pass' ? 'open' : observed, layers: [udp] }
}
