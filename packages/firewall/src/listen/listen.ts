import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { Arrival } from '../check/result.ts'
import { Arrivals } from './arrivals.ts'
import { answerDatagrams } from './datagrams.ts'
import { Guests } from './guests.ts'
import { HalfOpenWatch } from './half-open.ts'
import type { Place } from './places.ts'

/** What became of a place: only `listening` is waited at. */
export interface OpenedPlace extends Place {
  readonly state: 'listening' | 'daemon there' | 'on another host' | 'no right' | 'failed'
  /** the kernel's word, where it could not be opened */
  readonly code?: string
}

export interface Listening {
  readonly places: readonly OpenedPlace[]
  /** the newest arrivals, in the order they came */
  readonly arrivals: readonly Arrival[]
  /** how many older ones had to be given up */
  readonly givenUp: number
  close(): Promise<void>
}

export interface ListenOptions {
  /** every arrival, once: with its nonce, or when none came within a second */
  readonly onArrival?: (arrival: Arrival) => void
  readonly limits?: Partial<ListenLimits>
}

/** It stands in a DMZ and anybody may speak to it. */
export interface ListenLimits {
  /** connections at once, of all, and of one source address; more are reported, and closed */
  readonly connections: number
  readonly perSource: number
  /** how long a visitor may be silent, in ms, unless it asked for a wait */
  readonly patience: number
  /** arrivals that are kept */
  readonly arrivals: number
  /** datagrams that are answered in a second */
  readonly answers: number
  /** how long a connection must stay half open to be reported, in ms */
  readonly halfOpen: number
}

const LISTEN_LIMITS: ListenLimits = {
  connections: 1000,
  perSource: 400,
  patience: 10_000,
  arrivals: 10_000,
  answers: 500,
  halfOpen: 500,
}

// The kernel looks through all of its sockets each time.
const LOOK_EVERY_MS = 200
/** An address of IPv6 can be used only once nobody else has turned out to have it (RFC 4862, 5.4). */
const TENTATIVE_MS = 3000

/** Waits at all places that are on this host. A place that cannot be opened is told, and never an error. */
export async function openListeners(
  places: readonly Place[],
  { onArrival = () => {}, limits: wanted = {} }: ListenOptions = {},
): Promise<Listening> {
  const limits = { ...LISTEN_LIMITS, ...wanted }
  const arrivals = new Arrivals(limits.arrivals, onArrival)
  const guests = new Guests(arrivals, limits)
  const opened = await Promise.all(
    places.map((place) =>
      place.protocol === 'tcp' ? openTcp(place, guests) : openUdp(place, arrivals, limits),
    ),
  )
  const heard = new Set(opened.flatMap(({ place }) => (isTcpHere(place) ? [placeText(place)] : [])))
  const watch = new HalfOpenWatch(
    { afterMs: limits.halfOpen, everyMs: LOOK_EVERY_MS, most: limits.arrivals },
    ({ at, from }) => {
      if (heard.has(at))
        arrivals.tell(arrivals.add({ protocol: 'tcp', at, from, state: 'half-open' }))
    },
  )
  return {
    places: opened.map(({ place }) => place),
    get arrivals() {
      return arrivals.all
    },
    get givenUp() {
      return arrivals.givenUp
    },
    async close() {
      await watch.close()
      guests.sendAway()
      await Promise.all(opened.map(({ close }) => close()))
    },
  }
}

/** `10.3.0.2:1080`, an IPv6 address in brackets. */
export function placeText({ address: host, port }: Pick<Place, 'address' | 'port'>): string {
  return formatEndpoint({ host, port })
}

/** Half-open connections are seen where a daemon listens, too. */
function isTcpHere({ protocol, state }: OpenedPlace): boolean {
  return protocol === 'tcp' && (state === 'listening' || state === 'daemon there')
}

interface Opened {
  readonly place: OpenedPlace
  readonly close: () => Promise<void>
}

async function openTcp(place: Place, guests: Guests): Promise<Opened> {
  const at = placeText(place)
  const bound = await bind(place, async () => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      guests.welcome(socket, at),
    )
    server.listen({ host: place.address, port: place.port, ipv6Only: true })
    return await listening(server)
  })
  const server = bound.from
  if (server === undefined) return { place: bound.place, close: async () => {} }
  return {
    place: bound.place,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

async function openUdp(place: Place, arrivals: Arrivals, limits: ListenLimits): Promise<Opened> {
  const bound = await bind(place, async () => {
    const type = place.address.includes(':') ? 'udp6' : 'udp4'
    const socket = createSocket({ type, ipv6Only: type === 'udp6' })
    socket.bind({ address: place.address, port: place.port })
    return await listening(socket)
  })
  const socket = bound.from
  if (socket === undefined) return { place: bound.place, close: async () => {} }
  answerDatagrams(socket, placeText(place), arrivals, limits.answers)
  return {
    place: bound.place,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

async function listening<T extends Server | UdpSocket>(bound: T): Promise<T> {
  await once(bound, 'listening')
  bound.on('error', () => {}) // such as a port that became unreachable: the next one may be there again
  return bound
}

async function bind<T>(
  place: Place,
  open: () => Promise<T>,
): Promise<{ readonly place: OpenedPlace; readonly from?: T }> {
  const until = performance.now() + TENTATIVE_MS
  for (;;) {
    try {
      return { place: { ...place, state: 'listening' }, from: await open() }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
      const mayCome = code === 'EADDRNOTAVAIL' && isOwn(place.address) && performance.now() < until
      if (!mayCome) return { place: { ...place, state: stateOf(code), code } }
      await delay(LOOK_EVERY_MS)
    }
  }
}

function isOwn(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) =>
    all?.some((one) => one.address === address),
  )
}

function stateOf(code: string): OpenedPlace['state'] {
  if (code === 'EADDRINUSE') return 'daemon there'
  if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') return 'on another host'
  return code === 'EACCES' ? 'no right' : 'failed'
}
