import { fault } from '@doublehop/errors/fault'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'

/** A listening socket that the service manager opened, and holds open while this daemon restarts. */
export interface HandedSocket {
  readonly fd: number
  /** FileDescriptorName= of its unit; a unit that sets none has its own name here */
  readonly name: string
}

/** Behind standard input, output and error (SD_LISTEN_FDS_START of sd_listen_fds(3)). */
const FIRST_FD = 3
/** More than any daemon has listeners. */
const MOST = 256

/**
 * Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES (sd_listen_fds(3)) and takes them out of the environment, so that no
 * other process takes the sockets for its own. What was meant for another process, or is no number, is nothing.
 */
export function readHandedSockets(env: NodeJS.ProcessEnv, pid: number): HandedSocket[] {
  const { LISTEN_PID, LISTEN_FDS = '', LISTEN_FDNAMES = '' } = env
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'LISTEN_PIDFDID'])
    delete env[name]
  if (LISTEN_PID !== String(pid) || !/^[1-9]\d{0,2}$/.test(LISTEN_FDS)) return []
  const names = LISTEN_FDNAMES.split(':')
  const count = Math.min(Number(LISTEN_FDS), MOST)
  return Array.from({ length: count }, (_, at) => ({ fd: FIRST_FD + at, name: names[at] ?? '' }))
}

/** Sockets that were handed to this process, until a listener takes each. */
export class HandedSockets {
  readonly #left: HandedSocket[]
  readonly #isOne: boolean

  constructor(sockets: readonly HandedSocket[]) {
    this.#left = [...sockets]
    this.#isOne = sockets.length === 1
  }

  /**
   * The socket for this listener: the one of its name, or the only one there is if that has no name of its own. Then
   * it is the one of the listener that asks first, for a daemon opens its main listener first.
   */
  take(listener: string): HandedSocket | undefined {
    const at = this.#left.findIndex(
      ({ name }) => name === listener || (this.#isOne && isNameless(name)),
    )
    return at < 0 ? undefined : this.#left.splice(at, 1)[0]
  }

  /** All listeners have been opened. @throws Fault DH_ACTIVATION when a socket is left that none of them was for */
  noneLeft(): void {
    if (this.#left.length === 0) return
    const socket = this.#left.map(nameOf).join(', ')
    throw fault('DH_ACTIVATION', { socket, why: 'no listener of the configuration has this name' })
  }
}

/** What this process was handed. */
export const handedSockets = new HandedSockets(readHandedSockets(process.env, process.pid))

/**
 * Where a socket that was handed over listens.
 *
 * @param on what the configuration says
 * @param bound what server.address() says
 * @throws Fault DH_ACTIVATION when it is no TCP socket, or open to others where the configuration wants loopback
 */
export function placeOf(handed: HandedSocket, on: Endpoint, bound: unknown): Endpoint {
  const socket = nameOf(handed)
  if (!isTcp(bound)) throw fault('DH_ACTIVATION', { socket, why: 'it is no TCP socket' })
  const at = { host: bound.address, port: bound.port }
  if (isLoopback(on.host) && !isLoopback(at.host)) {
    const why = `it is open at ${formatEndpoint(at)}, and the configuration says ${formatEndpoint(on)}`
    throw fault('DH_ACTIVATION', { socket, why })
  }
  return at
}

function nameOf({ fd, name }: HandedSocket): string {
  return `socket ${name || 'without a name'} (fd ${fd})`
}

/** systemd-socket-activate gives no name or `unknown`; a unit without FileDescriptorName= gives its own. */
function isNameless(name: string): boolean {
  return name === '' || name === 'unknown' || name.endsWith('.socket')
}

function isTcp(bound: unknown): bound is { address: string; port: number } {
  return typeof bound === 'object' && bound !== null && 'port' in bound
}

function isLoopback(host: string): boolean {
  return host === '::1' || /^(::ffff:)?127\./.test(host)
}
