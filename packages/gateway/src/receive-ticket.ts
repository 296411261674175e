import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import type { Session } from '@doublehop/daemon/session'
import { asFault, fault } from '@doublehop/errors/fault'
import type { GatewaySettings } from '@doublehop/settings/gateway'
import { acceptCgp } from '@doublehop/wire/cgp'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { acceptSocks } from '@doublehop/wire/socks5-server'
import { looksLikeTicket, parseTicket, type Ticket } from '@doublehop/wire/ticket'
import { LAUNCH_PORTS, launchKind } from '@doublehop/wire/ticket-addresses'
import type { GatewayParts } from './parts.ts'

/** A client that has sent its ticket. */
export interface Arrival {
  readonly ticket: Ticket
  /** 2598 or 1494: which address of the ticket it wants */
  readonly port: number
  /** what the server must get before anything else: the flight of a CGP client, nothing for SOCKS */
  readonly flight: Uint8Array
  readonly protocol: 'socks' | 'cgp'
}

/**
 * 1 ticket – the workspace sends its ticket: as the name of a SOCKS CONNECT, or inside a CGP flight. An address in
 * its place is refused; the gateway never dials what a client names.
 *
 * @throws Fault DH_SOCKS_…, DH_CGP_…, DH_TICKET_FORM, DH_ADDRESS_NOT_TICKET, DH_LAUNCH_PORT
 */
export async function receiveTicket(
  session: Session,
  protocol: 'socks' | 'cgp',
  gateway: GatewayParts,
  signal: AbortSignal,
): Promise<Arrival> {
  const done = session.step('ticket')
  const receive = protocol === 'socks' ? receiveBySocks : receiveByCgp
  const arrival = await receive(session, gateway, signal)
  session.ticket = arrival.ticket
  done(
    'workspace → gateway',
    `${session.client.peer.tls}, ${protocol}, ${arrival.ticket} port ${arrival.port}`,
  )
  return arrival
}

async function receiveBySocks(
  session: Session,
  { settings, counters }: GatewayParts,
  signal: AbortSignal,
): Promise<Arrival> {
  const request = acceptSocks({ methods: ['none'] })
  const { destination } = await converse(
    session.client,
    request,
    firstFlight(session.client, settings, signal),
  ).catch((error) => {
    counters.socksClientErrors.inc()
    throw asFault(error)
  })
  session.asked = performance.now()
  if (destination.type !== 'name' || !looksLikeTicket(destination.host)) {
    throw fault('DH_ADDRESS_NOT_TICKET', { destination: formatEndpoint(destination) })
  }
  const ticket = parseTicket(destination.host)
  launchKind(destination.port)
  return { ticket, port: destination.port, flight: new Uint8Array(0), protocol: 'socks' }
}

async function receiveByCgp(
  session: Session,
  { settings }: GatewayParts,
  signal: AbortSignal,
): Promise<Arrival> {
  const { ticket, bytes } = await converse(
    session.client,
    acceptCgp(),
    firstFlight(session.client, settings, signal),
  )
  session.asked = performance.now()
  return { ticket, port: LAUNCH_PORTS.cgp, flight: bytes, protocol: 'cgp' }
}

/** The first byte, which told the protocol, has taken its part of the time. */
function firstFlight({ since }: Leg, { limits }: GatewaySettings, signal: AbortSignal) {
  return {
    what: 'the first flight',
    milliseconds: limits.firstFlight,
    since,
    bytes: limits.firstFlightBytes,
    signal,
  }
}
