import { z } from 'zod'
import { firewall, list, text, zone } from './bounded.ts'
import { deepResult } from './deep-result.ts'

/**
 * What checks say, as `check --format json` writes it and `report` and `--baseline` read it. A file may come from
 * another host, so all of it is checked and bounded.
 */

/** The layers of a probe, from below; which ones a flow has is told by what its destination speaks. */
const LAYERS = [
  'name',
  'tcp',
  'udp',
  'tls',
  'socks',
  'http',
  'sta',
  'ica',
  'echo',
  'redis',
  'dns',
  'ntp',
  'nonce',
] as const

export const OBSERVED = [
  'open',
  'closed',
  'filtered',
  'rejected',
  'intercepted',
  'wrong-service',
  'no-route',
  'unknown',
] as const
export type Observed = (typeof OBSERVED)[number]

/** From best to worst: a hole is worse than a block, a block worse than not knowing; SKIP says nothing. */
export const VERDICTS = ['SKIP', 'PASS', 'UNKNOWN', 'BLOCKED', 'LEAK'] as const
export type Verdict = (typeof VERDICTS)[number]

const layer = z.strictObject({
  layer: z.enum(LAYERS),
  result: z.enum(['pass', 'fail', 'skip']),
  /** what was seen, such as `TLSv1.3` or `connection refused` */
  note: text.optional(),
  milliseconds: z.number().min(0).optional(),
})
export type Layer = z.output<typeof layer>

const flow = z.strictObject({
  id: text,
  expect: z.enum(['allow', 'deny']),
  from: z.strictObject({ name: text, zone, address: text }),
  to: z.strictObject({ name: text, zone, address: text }),
  protocol: z.enum(['tcp', 'udp']),
  port: z.int().min(1).max(65535),
  firewalls: list(firewall).min(1),
  why: text,
  steps: list(z.int().min(1).max(9)),
})
/** A flow as results name it. */
export type CheckedFlow = z.output<typeof flow>

const row = z.strictObject({
  flow,
  layers: list(layer),
  observed: z.enum(OBSERVED),
  verdict: z.enum(VERDICTS),
  /** what the observed word leaves open: `closed or rejected`, `run on 10.3.0.3`, who sent the ICMP error … */
  note: text.optional(),
  /** the source address that the far end saw, where it is not the one the probe started from */
  seenAs: text.optional(),
  /** the code of the finding that this row alone would be; a BLOCKED, LEAK or UNKNOWN row has one */
  code: text.optional(),
  /** source ports of the attempts: by them `doublehop listen` and captures are joined */
  ports: list(z.int().min(1).max(65535)),
  /** nonces of the datagrams sent, in hex */
  nonces: list(text).optional(),
})
export type Row = z.output<typeof row>

/** What lies behind a flow's destination: `gateway → proxy → STA`. Never a finding of its own. */
/** A server whose address only the proxy knows. */
export const SOME_SERVER = 'the server'

const pathRow = z.strictObject({
  id: text,
  /** ids of the flow it goes through, and of those behind, which other zones check */
  through: text,
  behind: list(text),
  label: text,
  verdict: z.enum(['PASS', 'SKIP', 'UNKNOWN']),
  note: text.optional(),
  /** the server that its ticket led to, where nothing else was left: `10.4.0.3:2598`, or SOME_SERVER */
  onTo: text.optional(),
  /** the zone to look at next, when it did not work */
  see: zone.optional(),
})
export type PathRow = z.output<typeof pathRow>

const finding = z.strictObject({
  code: text,
  /** `note` tells something without being wrong */
  level: z.enum(['leak', 'blocked', 'unknown', 'note']),
  /** ids of the flows it speaks of, the first one the cause */
  flows: list(text),
  firewalls: list(firewall),
  /** one sentence: which rule to add or remove, on which firewall */
  sentence: text,
  /** a filter for tcpdump, ready to be pasted */
  capture: text,
})
export type Finding = z.output<typeof finding>

/** A connection that a daemon of this host told of on its admin listener, while the check ran. */
const seen = z.strictObject({
  daemon: text,
  peer: text,
  peerName: text.optional(),
  server: text.optional(),
})

export type Seen = z.output<typeof seen>

/** What a `doublehop listen` has got. */
const arrival = z.strictObject({
  protocol: z.enum(['tcp', 'udp']),
  /** `address:port` it listens at, and where the connection or datagram came from as it saw it */
  at: text,
  from: text,
  /** half-open: the SYN arrived and was answered, and nobody took the answer */
  state: z.enum(['connected', 'half-open', 'datagram']),
  nonce: text.optional(),
  time: text,
})
export type Arrival = z.output<typeof arrival>

export const checkResult = z.strictObject({
  doublehop: z.literal('check'),
  version: z.literal(1),
  zone,
  /** the addresses that probes started from */
  from: list(text),
  started: text,
  seconds: z.number().min(0),
  timeoutSeconds: z.number().min(0),
  rows: list(row),
  paths: list(pathRow),
  findings: list(finding),
  sessions: list(seen),
  /** what deep checks found, where they were asked for */
  deep: list(deepResult).optional(),
})
/** One run of `doublehop check`. */
export type CheckResult = z.output<typeof checkResult>

export const listenResult = z.strictObject({
  doublehop: z.literal('listen'),
  version: z.literal(1),
  zone,
  started: text,
  seconds: z.number().min(0),
  listeners: list(z.strictObject({ protocol: z.enum(['tcp', 'udp']), at: text })),
  arrivals: z.array(arrival).max(100_000),
  /** older arrivals than these, which had to be given up */
  givenUp: z.int().min(0).optional(),
})
/** One run of `doublehop listen`. */
export type ListenResult = z.output<typeof listenResult>
