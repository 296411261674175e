import type { Flow } from '../../flows/flow.ts'
import { ICMP_ERRORS, ICMPV6_ERRORS, type Rule } from '../ruleset.ts'
import {
  addressesOf,
  familyPackets,
  icmpType,
  just,
  NOT_SYN_ALONE,
  PROTOCOLS,
  SYN_ALONE,
  stateNumber,
  TCP,
} from './fields.ts'
import { type Intervals, intervals } from './intervals.ts'
import type { Packets } from './packets.ts'

/** The packets that a rule decides about, once those before it have decided: of TCP, only SYNs are left for a flow. */
export function packetsOf(rule: Rule): Packets {
  switch (rule.kind) {
    case 'flow':
      return {
        ...tuple(rule.flow),
        ...state('new'),
        ...(rule.flow.protocol === 'tcp' && { flags: SYN_ALONE }),
      }
    case 'invalid':
    case 'established':
      return state(rule.kind)
    case 'icmp-errors':
      return errors(4)
    case 'icmpv6-errors':
      return errors(6)
    case 'new-without-syn':
      return { protocol: TCP, flags: NOT_SYN_ALONE, ...state('new') }
    case 'neighbour-discovery':
      return {
        ...familyPackets(6),
        ...icmp(6, ['nd-neighbor-solicit', 'nd-neighbor-advert']),
        hopLimit: just(255),
      }
  }
}

/**
 * The packets that may be let through for a rule that accepts. A flow in whatever state: packets of no new connection
 * are decided about before, and another rule for the flow is none the wider for it.
 */
export function allowedBy(rule: Rule): Packets {
  return rule.kind === 'flow' ? tuple(rule.flow) : packetsOf(rule)
}

function tuple({ family, from, to, protocol, port }: Flow): Packets {
  const everything = familyPackets(family)
  return {
    ...everything,
    ...(from.network !== 'any' && { source: known(from.network) }),
    destination: known(to.address),
    protocol: just(PROTOCOLS[protocol] ?? 0),
    port: just(port),
  }
}

function known(network: string): Intervals {
  const found = addressesOf(network)
  if (found === undefined) throw new TypeError(`no network: ${network}`)
  return found
}

function errors(family: 4 | 6): Packets {
  const types = family === 4 ? ICMP_ERRORS : ICMPV6_ERRORS
  return { ...familyPackets(family), ...icmp(family, types), ...state('related') }
}

function icmp(family: 4 | 6, names: readonly string[]): Packets {
  const types = names.flatMap((name) => {
    const type = icmpType(name, family)
    return type === undefined ? [] : [[BigInt(type), BigInt(type)] as const]
  })
  return { protocol: just(family === 4 ? 1 : 58), type: intervals(types) }
}

function state(name: 'new' | 'established' | 'related' | 'invalid'): Packets {
  return { state: just(stateNumber(name) ?? 0) }
}
