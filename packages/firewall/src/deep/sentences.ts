import { type Fault, fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { Probe } from '../check/plan.ts'
import { firewallsText } from '../flows/flow.ts'
import type { BytesFound } from './bytes.ts'
import type { HalfCloseFound } from './half-close.ts'
import type { IdleFound } from './idle.ts'
import type { Verdict } from './language.ts'
import type { RateFound } from './rate.ts'
import { type SegmentsFound, SMALLEST } from './segments.ts'

/** What a test found, said in one sentence when all is well, and as a fault of the network when it is not. */
export type Said = string | Fault

/** MSS leaves out the headers without their options (RFC 9293, 3.7.1). */
const HEADERS = { 4: 40, 6: 60 } as const

export function sayIdle(probe: Probe, { lived, died, strays, tried }: IdleFound): Said {
  if (died !== undefined)
    return fault('DH_FW_IDLE', { ...common(probe), seconds: `${seconds(lived)}–${seconds(died)}` })
  const stray = strays === 0 ? '' : `; ${strays} of ${tried} that waited for less were lost`
  return `a session lives on after ${seconds(lived)} s without a byte${stray}`
}

export function saySegments(probe: Probe, { up, down, full }: SegmentsFound): Said {
  const headers = HEADERS[probe.to.address.includes(':') ? 6 : 4]
  const bytes = Math.max(Math.min(up, down), SMALLEST - 1)
  if (bytes >= full)
    return `packets of ${full} bytes pass both ways, as large as this connection makes them (MSS ${full - headers})`
  const mss = bytes - headers
  return fault('DH_FW_MTU', {
    ...common(probe),
    bytes,
    mss,
    direction: directionOf(probe, up, down),
  })
}

function directionOf({ from, to }: Probe, up: number, down: number): string {
  if (up === down) return 'both ways'
  const [near, other] = up < down ? [to.name, from.name] : [from.name, to.name]
  return `towards ${near} (towards ${other}: ${Math.max(up, down)})`
}

export function sayHalfClose(probe: Probe, { afterOurs, afterTheirs }: HalfCloseFound): Said {
  const { from, to } = probe
  const lost = [
    ...(afterOurs ? [] : [`what ${to.name} sends after ${from.name} has finished is lost`]),
    ...(afterTheirs ? [] : [`what ${from.name} sends after ${to.name} has finished is lost`]),
  ]
  if (lost.length === 0) return 'when one side has finished, the other may go on, both ways round'
  return fault('DH_FW_HALF_CLOSE', { ...common(probe), seen: lost.join(', and ') })
}

export function sayRate(probe: Probe, { burst, answered, perSecond }: RateFound): Said {
  if (perSecond !== undefined)
    return fault('DH_FW_RATE', { ...common(probe), burst, answered, rate: perSecond })
  if (answered === burst) return `${burst} connections opened at once were all answered`
  return `${answered} of ${burst} connections opened at once were answered in time: a loss, not a limit`
}

export function sayBytes(probe: Probe, { count, up, down, same }: BytesFound): Said {
  if (same) return `${count} bytes of all values arrived as they were sent, both ways`
  const { from, to } = probe
  const seen = [change(up, count, from.name, to.name), change(down, count, to.name, from.name)]
  return fault('DH_FW_BYTES', { ...common(probe), seen: seen.filter(Boolean).join('; ') })
}

function change(came: Verdict | undefined, count: number, from: string, to: string): string {
  const way = `from ${from} to ${to}`
  if (came === undefined) return `${way}, nothing is known: the far end's word did not come back`
  if (came.firstChange === undefined) return ''
  if (came.firstChange === came.count) return `${way}, only ${came.count} of ${count} bytes came`
  return `${way}, byte ${came.firstChange} of ${count} is the first that came otherwise`
}

function common(probe: Probe): { readonly firewalls: string; readonly rule: string } {
  return { firewalls: firewallsText(probe.firewalls), rule: `tcp ${routeOf(probe)}` }
}

/** `10.2.0.2 → 10.3.0.2:1080`, an IPv6 address in brackets before a port. */
export function routeOf({ from, to, port }: Probe): string {
  return `${from.address} → ${formatEndpoint({ host: to.address, port })}`
}

function seconds(value: number): string {
  return value < 100 ? String(Math.round(value * 10) / 10) : String(Math.round(value))
}
