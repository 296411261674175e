import { STEPS } from '@doublehop/daemon/steps'
import { checkedSettings } from '@doublehop/settings/schema'
import { type Gathered, Gatherer } from '../../src/trace/gather.ts'
import { type Knowledge, knowledgeOf, NO_KNOWLEDGE } from '../../src/trace/knowledge.ts'
import { ServerLines } from '../../src/trace/server-lines.ts'
import { dialledFrom, type Trace, traceOf } from '../../src/trace/trace.ts'

export const SESSION = '2d4e10f9aaaabbbbccccddddeeeeffff'
const MIDNIGHT = Date.parse('2026-11-21T22:51:07.000Z')

/** Whose line it is, with what it says of who came to it. */
const WHO = {
  gateway: { daemon: 'gateway', session: SESSION, peer: '198.51.100.7:41822' },
  proxy: { daemon: 'proxy', session: SESSION, peer: '10.2.0.2:40001', peerName: 'gateway' },
  sta: { daemon: 'sta', session: SESSION, peer: '10.3.0.2', peerName: 'proxy' },
  vda: { daemon: 'vda', app: 'echo', peer: '10.3.0.2:50001' },
} as const

/** A line of a log, written so many milliseconds after the beginning. */
export function line(who: keyof typeof WHO, at: number, fields: object): string {
  const time = new Date(MIDNIGHT + at).toISOString()
  return JSON.stringify({ level: 'info', time, ...WHO[who], ...fields })
}

export function step(
  who: 'gateway' | 'proxy',
  at: number,
  number: number,
  detail: string,
  fields: object = {},
): string {
  const name = STEPS[number - 1]
  return line(who, at, {
    event: 'step',
    step: number,
    name,
    route: ROUTES[number - 1],
    detail,
    ms: 2,
    ...fields,
  })
}

const ROUTES = [
  'workspace → gateway',
  'gateway → proxy → sta',
  'proxy → sta',
  'sta → proxy → gateway',
  'gateway → proxy',
  'proxy → vda',
  'vda → proxy → gateway',
  'gateway → workspace',
  'workspace ⇄ vda',
]

/** The lines of a launch that gets through, one every five milliseconds, by step. */
export const GOOD = {
  ticket: step('gateway', 5, 1, 'TLSv1.3, socks, ;40;STA01;2d4e… port 2598'),
  staConnect: step('gateway', 10, 2, 'STA01, SOCKS5 over mutual TLS'),
  redeem: step('proxy', 15, 3, 'ticket known, unused'),
  resolve: step('gateway', 20, 4, '10.4.0.3:2598', { ms: 9 }),
  connect: step('gateway', 25, 5, '10.4.0.3:2598 with its grant'),
  dial: step('proxy', 30, 6, '10.4.0.3:2598', { from: '10.3.0.2:50001' }),
  answer: step('gateway', 35, 7, 'connected', { ms: 9 }),
  accept: step('gateway', 40, 8, 'SOCKS reply 00'),
  splice: step('gateway', 45, 9, 'joined through 10.3.0.2:1080'),
}

/** Those of the steps up to this one. */
export function upTo(last: keyof typeof GOOD): string[] {
  const names = Object.keys(GOOD) as (keyof typeof GOOD)[]
  return names.slice(0, names.indexOf(last) + 1).map((name) => GOOD[name])
}

export function failed(
  who: 'gateway' | 'proxy',
  at: number,
  step: number,
  code: string,
  msg: string,
): string {
  return line(who, at, { event: 'launch-failed', step, code, msg, action: 'see the page' })
}

export function closed(who: 'gateway' | 'proxy' | 'vda', at: number, fields: object = {}): string {
  return line(who, at, { event: 'session-closed', bytesUp: 12, bytesDown: 34, ms: at, ...fields })
}

/** The same line as somebody else would have written it. */
export function but(text: string, fields: object): string {
  return JSON.stringify({ ...JSON.parse(text), ...fields })
}

/** The same line by a clock that is so many milliseconds ahead. */
export function ahead(text: string, milliseconds: number): string {
  const { time } = JSON.parse(text) as { time: string }
  return but(text, { time: new Date(Date.parse(time) + milliseconds).toISOString() })
}

export function gathered(lines: readonly string[], prefixes = [SESSION]): Gathered[] {
  const gatherer = new Gatherer({ prefixes })
  for (const one of lines) gatherer.take(one)
  return gatherer.found
}

/** The trace of the session in these lines. */
export function traced(lines: readonly string[], knowledge: Knowledge = NO_KNOWLEDGE): Trace {
  const [session] = gathered(lines)
  if (session === undefined) throw new Error('no line is of this session')
  const servers = new ServerLines(dialledFrom([session]))
  for (const one of lines) servers.take(one)
  return traceOf(session, (place) => servers.of(place), knowledge)
}

/** Step by step in one line: `1 2 3? 4 5 6✗ -7 -8 -9`. */
export function shape({ steps }: Trace): string {
  const marks = {
    done: '',
    stopped: '✗',
    'not-observed': '?',
    'under-way': '…',
    'not-reached': '-',
  }
  return steps.map(({ step, state }) => `${step}${marks[state]}`).join(' ')
}

/** What a configuration of five hosts in three zones knows. */
export function topology(): Knowledge {
  const identity = { certificate: 'tls.crt', key: 'tls.key', ca: 'ca.crt' }
  const stas = [{ id: 'STA01', urls: ['https://10.4.0.2:8080'] }]
  const settings = checkedSettings('/nowhere').parse({
    zones: { dmz1: ['10.2.0.0/24'], dmz2: ['10.3.0.0/24'], internal: ['10.4.0.0/24'] },
    gateway: {
      listen: '10.2.0.2:443',
      tls: { certificate: 'public.crt', key: 'public.key' },
      identity,
      nextHops: [{ name: 'proxy', address: '10.3.0.2:1080' }],
      stas,
    },
    proxy: {
      listen: '10.3.0.2:1080',
      allow: { names: ['gateway'] },
      identity,
      grants: { keys: ['env:GRANT_KEY'] },
      stas,
    },
    storefront: {
      listen: '10.3.0.3:8444',
      identity,
      gateways: { names: ['gateway'] },
      tokenDigest: 'env:TOKEN',
      serviceKey: 'env:SERVICE_KEY',
      stas,
      apps: [{ name: 'echo', cgpAddress: '10.4.0.3:2598' }],
    },
    sta: {
      listen: '10.4.0.2:8080',
      authorityId: 'STA01',
      identity,
      serviceKey: 'env:SERVICE_KEY',
      issuers: { names: ['storefront'] },
      redeemers: { names: ['proxy'] },
    },
    vda: { apps: [{ name: 'echo', kind: 'echo', listenCgp: '10.4.0.3:2598' }] },
  })
  return knowledgeOf(settings)
}
