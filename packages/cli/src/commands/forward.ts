import { isIP } from 'node:net'
import { fault } from '@doublehop/errors/fault'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { forward } from '@doublehop/workspace/forward'
import { type AccessOptions, openAccess, prefixOfWorkspace } from '../access.ts'
import { endpointOf } from '../endpoint-of.ts'
import { listenHereForwardThere } from '../lab/isolated/forward-there.ts'

export interface ForwardCommandOptions extends AccessOptions {
  readonly app: string
  readonly listen: string
  readonly allowRemote: boolean
  readonly json: boolean
  readonly port: '2598' | '1494'
  readonly protocol: 'socks' | 'cgp'
}

/** doublehop forward: a local port that leads to a published app, until Ctrl-C. @returns the exit code */
export async function forwardCommand(options: ForwardCommandOptions): Promise<number> {
  const inside = prefixOfWorkspace(options)
  if (inside.length > 0) return await listenHereForwardThere(inside, listenAddress(options))
  const access = openAccess(options)
  const storefront = access.storefront()
  const on = listenAddress(options)
  const listener = await forward(access.gateway, {
    on,
    port: Number(options.port),
    protocol: options.protocol,
    ticket: async () => (await storefront.ticket(options.app)).ticket,
    onClosed: (peer, { reason, up, down }) =>
      say(`${formatEndpoint(peer)} closed: ${reason}, ${up} bytes up, ${down} down`),
    onFailed: (peer, { code, message, action }) =>
      say(`${formatEndpoint(peer)} failed: ${message} (${code}; ${action})`),
  })
  const at = formatEndpoint(listener.at)
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ ready: true, listen: at, app: options.app, port: listener.at.port })}\n`
      : `${at} leads to ${options.app}, a ticket and a session each. Ctrl-C ends it.\n`,
  )
  // Started by one that listens for it: without that it would go on for nobody.
  process.channel?.unref()
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  await new Promise<void>((resolve) =>
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve()),
  )
  listener.stop()
  storefront.close()
  // Whoever is still connected is cut by the end of the process.
  setImmediate(() => process.exit(0))
  return 0
}

/** Loopback unless it was asked for: everybody who can connect launches as this user. */
function listenAddress({ listen, allowRemote }: ForwardCommandOptions): Endpoint {
  const on = endpointOf(
    /^\d+$/.test(listen) ? `127.0.0.1:${listen}` : listen.replace(/^localhost:/, '127.0.0.1:'),
    '--listen',
  )
  if (isIP(on.host) === 0)
    throw fault('DH_USAGE', { why: `--listen wants an IP address, not ${on.host}` })
  const loopback = on.host.startsWith('127.') || on.host === '::1'
  if (!loopback && !allowRemote) {
    throw fault('DH_USAGE', {
      why: `${on.host} is not loopback: others could launch in your name; if they may, add --allow-remote`,
    })
  }
  return on
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
