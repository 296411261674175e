import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import { bind } from '@doublehop/daemon/bind'
import type { Endpoint } from '@doublehop/wire/endpoint'

const COMMAND = fileURLToPath(import.meta.resolve('../../../bin/doublehop.mjs'))

/**
 * Runs this very command, `doublehop forward …`, inside a namespace with a socket that listens outside of it. So a
 * client of this host reaches it, while what it dials is dialled in there.
 *
 * @param prefix of the namespace
 * @returns its exit code
 * @throws Fault DH_LISTEN
 */
export async function listenHereForwardThere(
  prefix: readonly string[],
  on: Endpoint,
): Promise<number> {
  const server = createServer((early) => early.resetAndDestroy())
  await bind(server, on, 'listen')
  const [program = '', ...args] = [...prefix, process.execPath, COMMAND, ...process.argv.slice(2)]
  const child = spawn(program, args, {
    // A session of its own: Ctrl-C reaches it once, from here.
    detached: true,
    // Behind the standard streams the socket, as a service manager hands it over (sd_listen_fds(3)).
    stdio: ['inherit', 'inherit', 'inherit', descriptorOf(server), 'ipc'],
    env: {
      ...process.env,
      DOUBLEHOP_HANDED_OVER: 'sockets too',
      LISTEN_FDS: '1',
      LISTEN_FDNAMES: 'listen',
    },
  })
  server.close()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => child.kill(signal))
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  child.once('error', reject).once('exit', (code) => resolve(code ?? 1))
  return await promise
}

/** Node has no public name for the descriptor of a socket that listens. */
function descriptorOf(server: Server): number {
  const { _handle } = server as unknown as { readonly _handle: { readonly fd: number } }
  return _handle.fd
}
