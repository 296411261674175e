import type { Family } from '../ruleset.ts'
import {
  addressesOf,
  familyPackets,
  flagBits,
  flagsUnder,
  icmpType,
  just,
  numberOf,
  PROTOCOLS,
  SYN_ALONE,
  stateNumber,
  TCP,
} from './fields.ts'
import { type Interval, type Intervals, intervals, minus } from './intervals.ts'
import type { Step } from './loaded.ts'
import { type Field, meet, type Packets, spaceOf } from './packets.ts'

interface Read {
  /** `nothing` when it decides nothing */
  readonly step: Pick<Step, 'packets' | 'interfaces' | 'unsure' | 'does'> | 'nothing'
  readonly comment: string | undefined
}

/** Modules whose options are known here. */
const MODULES = new Set([
  ...['tcp', 'udp', 'icmp', 'icmp6', 'conntrack', 'state', 'comment', 'multiport', 'hl'],
  'iprange',
])
const VERDICTS = new Map<string, Step['does']>([
  ['ACCEPT', 'accept'],
  ['DROP', 'drop'],
  ['REJECT', 'reject'],
  ['RETURN', 'return'],
])
/** Targets that leave it to a program, which may accept. */
const DECIDED_ELSEWHERE = new Set(['QUEUE', 'NFQUEUE'])
/** Targets after which the packet goes on to the next rule. */
const GOES_ON = new Set(['LOG', 'NFLOG', 'ULOG', 'TRACE'])

/** One rule of iptables-save behind `-A CHAIN`: iptables(8) and iptables-extensions(8). */
export function iptablesRule(options: readonly string[], family: Family): Read {
  const rest = [...options]
  let packets: Packets | undefined = familyPackets(family)
  let [interfaces, loopback, understood] = [false, false, true]
  let comment: string | undefined
  let does: Step['does'] | 'nothing' | undefined = 'nothing'
  while (rest.length > 0) {
    const negated = rest[0] === '!'
    if (negated) rest.shift()
    const option = rest.shift() ?? ''
    if (option === '--comment') comment = rest.shift()
    else if (option === '-i' || option === '-o') {
      if (rest.shift() === 'lo' && !negated) loopback = true
      else interfaces = true
    } else if (option === '-m') {
      const known = MODULES.has(rest.shift() ?? '')
      understood = understood && known
    } else if (option === '-j' || option === '-g') {
      const target = rest.shift() ?? ''
      // What follows are options of the target.
      if (isKnownTarget(target)) rest.length = 0
      if (GOES_ON.has(target)) does = 'nothing'
      else if (DECIDED_ELSEWHERE.has(target)) [does, understood] = ['accept', false]
      else does = VERDICTS.get(target) ?? { to: target, comesBack: option === '-j' }
    } else {
      const matched = matchOf(option, rest, family, negated)
      if (matched === undefined) understood = false
      else packets = packets && meet(packets, matched)
      if (matched === undefined) skipValues(rest)
    }
  }
  if (loopback || does === 'nothing' || packets === undefined) return { step: 'nothing', comment }
  return { step: { packets, interfaces, unsure: !understood, does }, comment }
}

function isKnownTarget(target: string): boolean {
  return GOES_ON.has(target) || VERDICTS.has(target) || DECIDED_ELSEWHERE.has(target)
}

/** The comment is still wanted of a rule that is not understood. */
function skipValues(rest: string[]): void {
  while (rest[0] !== undefined && !rest[0].startsWith('-') && rest[0] !== '!') rest.shift()
}

function matchOf(
  option: string,
  rest: string[],
  family: Family,
  negated: boolean,
): Packets | undefined {
  if (option === '--tcp-flags') return tcpFlags(rest, negated)
  if (option === '--syn')
    return { protocol: TCP, flags: negated ? minus(spaceOf('flags'), SYN_ALONE) : SYN_ALONE }
  if (/^--icmp(v6)?-type$/.test(option)) return icmp(rest.shift() ?? '', family, negated)
  const known = FIELDS.get(option)
  if (known === undefined) return undefined
  const values = known.read(rest.shift() ?? '')
  if (values === undefined) return undefined
  return { [known.field]: negated ? minus(spaceOf(known.field), values) : values }
}

interface Known {
  readonly field: Field
  readonly read: (text: string) => Intervals | undefined
}

const address = (field: 'source' | 'destination'): Known => ({ field, read: addressesOf })
const ports = (field: 'port' | 'sourcePort'): Known => ({ field, read: portList })
const states: Known = {
  field: 'state',
  read: (text) => listed(text, (one) => span(stateNumber(one))),
}
const FIELDS = new Map<string, Known>(
  Object.entries({
    '-s': address('source'),
    '-d': address('destination'),
    '--src-range': address('source'),
    '--dst-range': address('destination'),
    '-p': {
      field: 'protocol',
      read: (text) => (text === 'all' ? spaceOf('protocol') : span(numberOf(text, PROTOCOLS))),
    },
    '--dport': ports('port'),
    '--dports': ports('port'),
    '--sport': ports('sourcePort'),
    '--sports': ports('sourcePort'),
    '--ctstate': states,
    '--state': states,
    '--hl-eq': { field: 'hopLimit', read: (text) => span(numberOf(text, {})) },
    '--ttl-eq': { field: 'hopLimit', read: (text) => span(numberOf(text, {})) },
  }),
)

function span(value: number | undefined): Intervals | undefined {
  return value === undefined ? undefined : just(value)
}

function listed(text: string, read: (one: string) => Intervals | undefined): Intervals | undefined {
  const all: Interval[] = []
  for (const one of text.split(',')) {
    const values = read(one)
    if (values === undefined) return undefined
    all.push(...values)
  }
  return intervals(all)
}

/** `80,443,1000:2000`; a range may lack either end. */
function portList(text: string): Intervals | undefined {
  return listed(text, (one) => {
    const [, from, colon, to] = /^(\d{0,5})(:?)(\d{0,5})$/.exec(one) ?? []
    if (from === undefined || one === '') return undefined
    if (colon === '') return just(Number(from))
    return intervals([[BigInt(from || 0), BigInt(to || 65535)]])
  })
}

/** `FIN,SYN,RST,ACK SYN`: of the first flags these are set and no others. */
function tcpFlags(rest: string[], negated: boolean): Packets | undefined {
  const [mask, wanted] = [bits(rest.shift()), bits(rest.shift())]
  if (mask === undefined || wanted === undefined) return undefined
  return { protocol: TCP, flags: flagsUnder(mask, wanted, !negated) }
}

function bits(text: string | undefined): number | undefined {
  return flagBits(text?.split(',') ?? ['?'])
}

/** `3`, `3/4` or a name. */
function icmp(text: string, family: Family, negated: boolean): Packets | undefined {
  const [name = '', codeText] = text.split('/')
  if (text === 'any' || text === '255') return {}
  const type = icmpType(name, family)
  const code = codeText === undefined ? undefined : numberOf(codeText, {})
  if (type === undefined || (codeText !== undefined && (negated || code === undefined)))
    return undefined
  return {
    protocol: just(family === 4 ? 1 : 58),
    type: negated ? minus(spaceOf('type'), just(type)) : just(type),
    ...(code !== undefined && { code: just(code) }),
  }
}
