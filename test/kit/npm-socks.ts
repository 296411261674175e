import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { Server as NetServer, Socket } from 'node:net'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Credentials } from '@doublehop/wire/socks5-server'
import { SocksClient } from 'socks'
import type { Test } from 'tap'

/** The SOCKS5 clients and servers of npm, as peers. Two of them share their ancestor and its API. */

interface SocksServer {
  useAuth(auth: unknown): SocksServer
  listen(port: number, host: string, onListening: () => void): void
  close(): void
  readonly _srv: NetServer
}

interface SocksV5 {
  createServer(
    onConnection: (info: object, accept: () => void, deny: () => void) => void,
  ): SocksServer
  Client: new (options: object) => NodeJS.EventEmitter & { connect(options: object): void }
  auth: {
    None(): unknown
    /** one argument for a server, two for a client */
    UserPassword(
      ...how:
        | [judge: (user: string, password: string, done: (good: boolean) => void) => void]
        | [string, string]
    ): unknown
  }
}

const require = createRequire(import.meta.url)

/** The packages with both a client and a server. */
export const SOCKSV5: Readonly<Record<string, SocksV5>> = {
  socksv5: require('socksv5'),
  '@mongodb-js/socksv5': require('@mongodb-js/socksv5'),
}

/** Connects through a proxy. Rejects with what the package makes of a refusal. */
export type Connect = (
  proxy: Endpoint,
  destination: Endpoint,
  login?: Credentials,
) => Promise<Socket>

/** Every client of npm that is tried. */
export const CLIENTS: Readonly<Record<string, Connect>> = {
  socks: connectWithSocks,
  ...Object.fromEntries(
    Object.entries(SOCKSV5).map(([name, kit]) => [name, connectWithSocksV5(kit)]),
  ),
}

async function connectWithSocks(
  proxy: Endpoint,
  destination: Endpoint,
  login?: Credentials,
): Promise<Socket> {
  const { socket } = await SocksClient.createConnection({
    command: 'connect',
    proxy: asProxy(proxy, login),
    destination,
  })
  return socket
}

function connectWithSocksV5({ Client, auth }: SocksV5): Connect {
  return async (proxy, destination, login) => {
    const auths = [
      login === undefined ? auth.None() : auth.UserPassword(login.username, login.password),
    ]
    const client = new Client({
      proxyHost: proxy.host,
      proxyPort: proxy.port,
      auths,
      localDNS: false,
    })
    client.connect({ ...destination, proxyHost: proxy.host })
    const [socket] = await once(client, 'connect')
    return socket as Socket
  }
}

/** Asks for something other than CONNECT, with the one client that can. Rejects with its error. */
export async function askFor(
  command: 'bind' | 'associate',
  proxy: Endpoint,
  destination: Endpoint,
): Promise<void> {
  const client = new SocksClient({ command, proxy: asProxy(proxy), destination })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  client
    .on('error', reject)
    .on('bound', () => resolve())
    .on('established', () => resolve())
  client.connect()
  await promise
}

function asProxy({ host, port }: Endpoint, login?: Credentials) {
  return {
    host,
    port,
    type: 5 as const,
    ...(login && { userId: login.username, password: login.password }),
  }
}

/** How a server of npm is to behave. */
export interface Behaviour {
  /** who may use it; left out, everybody without a login */
  readonly login?: Credentials | undefined
  /** turns every CONNECT away */
  readonly denies?: boolean
}

/** Starts a SOCKS server of npm on a free port of loopback. It ends with the test. */
export async function startSocksServer(
  test: Test,
  kit: SocksV5,
  { login, denies = false }: Behaviour = {},
): Promise<Endpoint> {
  const server = kit.createServer((_, accept, deny) => (denies ? deny() : accept()))
  server.useAuth(
    login === undefined
      ? kit.auth.None()
      : kit.auth.UserPassword((user, password, done) =>
          done(user === login.username && password === login.password),
        ),
  )
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const open = new Set<Socket>()
  server._srv.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
  })
  test.teardown(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { host: '127.0.0.1', port: (server._srv.address() as { port: number }).port }
}
