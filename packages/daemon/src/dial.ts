import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import { asFault, type Fault, fault } from '@doublehop/errors/fault'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { Leg, type Peer } from './leg.ts'
import { certificateName, distrustOf, nameToVerify } from './tls.ts'

export interface DialOptions {
  /** name lookup, TCP and TLS together */
  readonly milliseconds: number
  /** the addresses to dial from; left out, the host chooses */
  readonly from?: { readonly v4?: string | undefined; readonly v6?: string | undefined } | undefined
  /** TLS, and the name or address that the certificate must hold */
  readonly tls?: { readonly context: SecureContext; readonly serverName: string } | undefined
  /** bytes kept while nobody listens */
  readonly keep?: number | undefined
  /** gives up when aborted, and throws its reason */
  readonly signal?: AbortSignal | undefined
  /** called before each address is dialled; throws where it may not be */
  readonly permit?: ((address: Endpoint) => Promise<void>) | undefined
}

/**
 * Opens a connection. A name is resolved once, and its permitted addresses are tried in order.
 *
 * @throws Fault DH_DIAL_…, that of `permit`, or the reason of `signal`
 */
export async function dial(target: Endpoint, options: DialOptions): Promise<Leg> {
  const address = formatEndpoint(target)
  const timeout = fault('DH_DIAL_TIMEOUT', { address, seconds: options.milliseconds / 1000 })
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(timeout), options.milliseconds)
  const signal = options.signal
    ? AbortSignal.any([controller.signal, options.signal])
    : controller.signal
  try {
    return await dialFirst(await resolve(target, signal), { ...options, signal })
  } finally {
    clearTimeout(timer)
  }
}

/** The addresses of a name, in the order of the resolver; an IP address stands for itself. @throws Fault DH_DIAL_NAME */
async function resolve({ host, port }: Endpoint, signal: AbortSignal): Promise<Endpoint[]> {
  if (isIP(host) !== 0) return [{ host, port }]
  try {
    const found = await orAborted(lookUp(host), signal)
    return found.map(({ address }) => ({ host: address, port }))
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw fault(
      'DH_DIAL_NAME',
      { host, why: (error as NodeJS.ErrnoException).code ?? 'no answer' },
      error,
    )
  }
}

const LOOKUPS = new Map<string, Promise<LookupAddress[]>>()

/**
 * Looks a name up, together with whoever else wants it at this moment. A process looks up two names at a time, and one
 * without an answer takes its time whether it is waited for or not: asked for again and again, it would keep all others
 * from being found.
 */
export function lookUp(host: string): Promise<LookupAddress[]> {
  const underWay = LOOKUPS.get(host)
  if (underWay !== undefined) return underWay
  const found = lookup(host, { all: true }).finally(() => LOOKUPS.delete(host))
  LOOKUPS.set(host, found)
  return found
}

async function dialFirst(
  addresses: readonly Endpoint[],
  options: DialOptions & { readonly signal: AbortSignal },
): Promise<Leg> {
  let last: Fault | undefined
  for (const address of addresses) {
    try {
      // It may have to look up a name itself.
      if (options.permit) await orAborted(options.permit(address), options.signal)
      return await dialAddress(address, options)
    } catch (error) {
      options.signal.throwIfAborted()
      last = asFault(error)
    }
  }
  throw last ?? fault('DH_DIAL_NAME', { host: 'this name', why: 'no addresses' })
}

async function dialAddress(
  address: Endpoint,
  { from, tls, keep = 65_536, signal }: DialOptions & { readonly signal: AbortSignal },
): Promise<Leg> {
  const localAddress = isIP(address.host) === 6 ? from?.v6 : from?.v4
  const raw = connectTcp({ ...address, allowHalfOpen: true, ...(localAddress && { localAddress }) })
  const noTcp = (error: NodeJS.ErrnoException) => dialFault(address, error)
  const plain = () => new Leg(raw, undefined, address, keep)
  if (tls === undefined) return await opened(raw, 'connect', signal, plain, noTcp)

  await opened(raw, 'connect', signal, () => {}, noTcp)
  const options = {
    socket: raw,
    secureContext: tls.context,
    allowHalfOpen: true,
    ...nameToVerify(tls.serverName),
  }
  const secure = connectTls(options)
  const noTls = (error: Error) =>
    fault('DH_DIAL_TLS', { address: formatEndpoint(address), why: error.message }, error)
  const encrypted = () => new Leg(raw, secure, { ...address, ...tlsPeer(secure) }, keep)
  return await opened(secure, 'secureConnect', signal, encrypted, noTls)
}

/**
 * Waits until the socket is open; a socket that does not get there is destroyed.
 *
 * @param use called at that moment, so that no event of the socket comes in between
 */
function opened<Result>(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  use: () => Result,
  toFault: (error: NodeJS.ErrnoException) => Fault,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.off(event, onOpen).off('error', onError).off('close', onClose)
      signal.removeEventListener('abort', onAbort)
    }
    const fail = (reason: unknown): void => {
      settle()
      // A socket destroyed half-way may still report an error, which nobody needs.
      socket.on('error', () => {}).destroy()
      reject(reason)
    }
    const onOpen = (): void => {
      settle()
      resolve(use())
    }
    const onError = (error: NodeJS.ErrnoException): void => fail(toFault(error))
    const onClose = (): void => fail(toFault(new Error('the connection was closed')))
    const onAbort = (): void => fail(signal.reason)
    if (signal.aborted) return onAbort()
    socket.on(event, onOpen).on('error', onError).on('close', onClose)
    signal.addEventListener('abort', onAbort)
  })
}

function dialFault(endpoint: Endpoint, error: NodeJS.ErrnoException): Fault {
  const address = formatEndpoint(endpoint)
  if (error.code === 'ECONNREFUSED') return fault('DH_DIAL_REFUSED', { address }, error)
  if (error.code === 'ENETUNREACH') return fault('DH_DIAL_NETWORK_UNREACHABLE', { address }, error)
  return fault('DH_DIAL_HOST_UNREACHABLE', { address, why: error.code ?? error.message }, error)
}

export function tlsPeer(socket: TLSSocket): Pick<Peer, 'name' | 'distrust' | 'tls'> {
  const name = certificateName(socket)
  const shown = socket.getPeerX509Certificate() !== undefined
  const distrust = shown ? distrustOf(socket) : undefined
  return {
    tls: socket.getProtocol() ?? 'TLS',
    ...(name !== undefined && { name }),
    ...(distrust !== undefined && { distrust }),
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    // Heard in any case: a rejection that nobody hears ends the process.
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
  })
}
