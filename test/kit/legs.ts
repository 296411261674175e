import { createSecureContext } from 'node:tls'
import { type DialOptions, dial } from '@doublehop/daemon/dial'
import type { Leg } from '@doublehop/daemon/leg'
import { type Listener, type ListenOptions, listen } from '@doublehop/daemon/listen'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { TestAuthority, type Wire } from './certificates.ts'
import { type End, EndServer, openEnd } from './ends.ts'

const AUTHORITY = new TestAuthority()
const NEAR = AUTHORITY.issue(['localhost', '127.0.0.1'])
const FAR = AUTHORITY.issue(['far', 'localhost', '127.0.0.1'])

/** A connection with one of our legs at one end and a test at the other. */
export interface LegAndEnd {
  readonly leg: Leg
  readonly end: End
}

/** What `tls` of a listener or a server is over this wire. */
export function serverTls(wire: Wire) {
  const mutual = { ...NEAR, requestCert: true }
  return wire === 'plain TCP' ? undefined : { ...mutual, minVersion: wire, maxVersion: wire }
}

/** What a test's own connection shows and trusts over this wire. */
export function clientTls(wire: Wire) {
  return wire === 'plain TCP' ? undefined : { ...FAR, minVersion: wire, maxVersion: wire }
}

/** Listens for legs until the test ends. */
export async function listenForLegs(
  test: Test,
  wire: Wire,
  onLeg: (leg: Leg) => void,
  more: Partial<ListenOptions> = {},
): Promise<Listener> {
  const tls = serverTls(wire)
  const listener = await listen({
    on: { host: '127.0.0.1', port: 0 },
    ...(tls && { tls }),
    handshakeMilliseconds: 5000,
    keep: 65_536,
    connections: 100,
    onLeg(leg, handshake) {
      handshake.finish()
      test.teardown(() => leg.destroy())
      onLeg(leg)
    },
    onFailure: (failure) => test.fail(failure.message),
    ...more,
  })
  test.teardown(() => listener.stop())
  return listener
}

/** A leg that was accepted. */
export async function acceptedLeg(test: Test, wire: Wire, keep = 65_536): Promise<LegAndEnd> {
  const { promise, resolve } = Promise.withResolvers<Leg>()
  const { at } = await listenForLegs(test, wire, resolve, { keep })
  const end = await openEnd(test, at, clientTls(wire))
  return { end, leg: await promise }
}

/** A leg that was dialled. */
export async function dialledLeg(test: Test, wire: Wire, keep = 65_536): Promise<LegAndEnd> {
  const server = await EndServer.open(test, serverTls(wire))
  const leg = await dialLeg(test, wire, server.at, { keep })
  return { leg, end: await server.next() }
}

/** Dials a test's own server. */
export async function dialLeg(
  test: Test,
  wire: Wire,
  at: Endpoint,
  more: Partial<DialOptions> = {},
): Promise<Leg> {
  const tls = clientTls(wire)
  const leg = await dial(at, {
    milliseconds: 5000,
    ...(tls && { tls: { context: createSecureContext(tls), serverName: 'localhost' } }),
    ...more,
  })
  test.teardown(() => leg.destroy())
  return leg
}

export const LEGS = { accepted: acceptedLeg, dialled: dialledLeg }
