import { fault } from '@doublehop/errors/fault'
import { type Endpoint, parseEndpoint } from './endpoint.ts'
import type { GrantedAddresses } from './grant.ts'
import type { TicketData } from './sta-messages.ts'

/** The ports a client may ask for, and which address of the ticket each one takes. */
export const LAUNCH_PORTS = { cgp: 2598, ica: 1494 } as const

const VALUE_NAMES = { cgp: 'CGPAddress', ica: 'ICAAddress' } as const

/** The two addresses that a redeemed ticket may lead to. @throws Fault DH_TICKET_ADDRESS */
export function addressesOf(data: TicketData): GrantedAddresses {
  const cgp = addressNamed(VALUE_NAMES.cgp, data)
  const ica = addressNamed(VALUE_NAMES.ica, data)
  return { ...(cgp && { cgp }), ...(ica && { ica }) }
}

/** Of all that a ticket stands for, only the two addresses: the rest (users, apps) is nobody's business in a DMZ. */
export function addressValues(data: TicketData): TicketData {
  const names: readonly string[] = Object.values(VALUE_NAMES)
  return data.filter(({ name }) => names.includes(name))
}

/**
 * The address that the port of the client's CONNECT chooses. It may have any port itself.
 *
 * @throws Fault DH_LAUNCH_PORT, DH_TICKET_NO_ADDRESS
 */
export function addressFor(port: number, addresses: GrantedAddresses): Endpoint {
  const kind = launchKind(port)
  const address = addresses[kind]
  if (address === undefined) throw fault('DH_TICKET_NO_ADDRESS', { name: VALUE_NAMES[kind], port })
  return address
}

/** Which of the two a client's port asks for. @throws Fault DH_LAUNCH_PORT */
export function launchKind(port: number): 'cgp' | 'ica' {
  if (port === LAUNCH_PORTS.cgp) return 'cgp'
  if (port === LAUNCH_PORTS.ica) return 'ica'
  throw fault('DH_LAUNCH_PORT', { port })
}

/** `host:2598` or `host:2598:localhost:1494`, an IPv6 address in brackets. */
function addressNamed(name: string, data: TicketData): Endpoint | undefined {
  const value = data.find((one) => one.name === name)?.value.trim()
  if (value === undefined || value === '') return
  const [, first = value] = /^((?:\[[^\]]*\]|[^:]*):\d+):[^:]+:\d+$/.exec(value) ?? []
  const endpoint = parseEndpoint(first)
  if (endpoint === undefined || endpoint.port === 0)
    throw fault('DH_TICKET_ADDRESS', { name, value })
  return endpoint
}
