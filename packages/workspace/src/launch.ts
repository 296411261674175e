import { converse } from '@doublehop/daemon/conversation'
import type { Leg } from '@doublehop/daemon/leg'
import {
  millisecondsSince,
  type StepLine,
  type StepName,
  stepNumber,
} from '@doublehop/daemon/steps'
import { asFault } from '@doublehop/errors/fault'
import { encodeCgpFlight } from '@doublehop/wire/cgp'
import { answerIcaGreeting } from '@doublehop/wire/ica-greeting'
import { connectSocks, openSocks } from '@doublehop/wire/socks5-client'
import type { Ticket } from '@doublehop/wire/ticket'
import { LAUNCH_PORTS } from '@doublehop/wire/ticket-addresses'
import type { GatewayAccess } from './gateway-access.ts'

export interface LaunchOptions {
  readonly ticket: Ticket
  /** 2598 or 1494 */
  readonly port: number
  readonly protocol: 'socks' | 'cgp'
  /** answer the ICA greeting of 1494 and take it off the session; a forwarded port passes it on instead */
  readonly greet?: boolean
  /** told of the steps that a client can see: 1, 8 */
  readonly onStep?: (line: StepLine) => void
}

/** A session that is open. */
export interface LaunchedSession {
  readonly leg: Leg
  /** when step 9 began (performance.now()) */
  readonly since: number
}

/** The gateway has 30 s for a launch, and its refusal wants to arrive. */
const LAUNCH_MILLISECONDS = 35_000

/**
 * Launches with a ticket, as a SOCKS or as a CGP client. A CGP client is told nothing when it is accepted; one that is
 * refused sees its connection end.
 *
 * @throws Fault DH_DIAL_…, DH_SOCKS_…, DH_ICA_GREETING
 */
export async function launch(
  access: GatewayAccess,
  options: LaunchOptions,
): Promise<LaunchedSession> {
  const { ticket, port, protocol } = options
  const step = (name: StepName, since: number, route: string, detail: string): void =>
    options.onStep?.({ step: stepNumber(name), name, route, detail, ms: millisecondsSince(since) })

  const began = performance.now()
  const leg = await access.dial()
  try {
    if (protocol === 'cgp') leg.write(encodeCgpFlight(ticket))
    else
      await converse(leg, openSocks(), {
        what: 'the SOCKS greeting of the gateway',
        milliseconds: LAUNCH_MILLISECONDS,
      })
    const asked = performance.now()
    step(
      'ticket',
      began,
      'workspace → gateway',
      `${leg.peer.tls}, ${protocol}, ${ticket} port ${port}`,
    )
    if (protocol === 'socks') {
      const reply = connectSocks({ host: ticket.reveal(), port })
      await converse(leg, reply, {
        what: 'the answer of the gateway',
        milliseconds: LAUNCH_MILLISECONDS,
      })
    }
    step(
      'accept',
      asked,
      'gateway → workspace',
      protocol === 'socks' ? 'SOCKS reply 00' : 'CGP: no answer is an answer',
    )
    if (options.greet && port === LAUNCH_PORTS.ica) {
      await converse(leg, answerIcaGreeting(), {
        what: 'the ICA greeting',
        milliseconds: LAUNCH_MILLISECONDS,
      })
    }
    return { leg, since: performance.now() }
  } catch (error) {
    leg.destroy()
    throw asFault(error)
  }
}
