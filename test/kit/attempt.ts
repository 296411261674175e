import type { Ticket } from '@doublehop/wire/ticket'
import type { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { launch } from '@doublehop/workspace/launch'
import { SOCKS_GREETING, socksRequest } from './flights.ts'

/** What a client of the gateway saw of its launch. */
export interface Attempt {
  /** `connected`, or the code of the refusal */
  readonly outcome: string
  /** from the request to its answer */
  readonly milliseconds: number
}

/** Launches as a SOCKS client, tells what came of it, and leaves. */
export async function attempt(
  access: GatewayAccess,
  ticket: Ticket,
  port = 2598,
): Promise<Attempt> {
  let asked = performance.now()
  const onStep = (): void => {
    asked = performance.now()
  }
  try {
    const { leg } = await launch(access, { ticket, port, protocol: 'socks', onStep })
    leg.destroy()
    return { outcome: 'connected', milliseconds: performance.now() - asked }
  } catch (error) {
    return {
      outcome: String((error as { code?: string }).code),
      milliseconds: performance.now() - asked,
    }
  }
}

/** How a gateway ends a connection on which this was said: all bytes it sent, and how long after the last of ours. */
export async function say(
  access: GatewayAccess,
  ...pieces: readonly Uint8Array[]
): Promise<{ heard: Buffer; milliseconds: number }> {
  const leg = await access.dial()
  const heard: Uint8Array[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  leg.listen({
    bytes: (chunk) => void heard.push(chunk),
    end: () => leg.end(),
    drain() {},
    close: () => resolve(),
  })
  let last = performance.now()
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) await new Promise((done) => setTimeout(done, 400))
    last = performance.now()
    leg.write(piece)
  }
  await promise
  return { heard: Buffer.concat(heard), milliseconds: performance.now() - last }
}

/** The CONNECT of a SOCKS client for this name, with its greeting. */
export function socksFlight(name: string, port = 2598): Uint8Array {
  return Buffer.concat([SOCKS_GREETING, socksRequest(name, port)])
}
