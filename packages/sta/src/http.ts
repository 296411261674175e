import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { readBody } from '@doublehop/daemon/http-body'
import { bind } from '@doublehop/daemon/listen'
import type { Logger } from '@doublehop/daemon/log'
import { certificateName, secureContextOptions } from '@doublehop/daemon/tls'
import { UnderWay } from '@doublehop/daemon/under-way'
import type { Settings } from '@doublehop/settings/schema'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { unmapped } from '@doublehop/wire/ip'
import {
  AUTHORITY_HEADER,
  SERVICE_KEY_HEADER,
  SESSION_HEADER,
  STA_LIMIT,
  STA_PATH,
} from '@doublehop/wire/sta-messages'
import type { Caller, StaService } from './service.ts'

type StaSettings = NonNullable<Settings['sta']>

/** The STA's listeners. */
export interface StaHttp {
  readonly at: Record<string, Endpoint>
  connections(): object[]
  drain(milliseconds: number): Promise<boolean>
  close(): void
}

/** Opens the HTTPS and HTTP listeners. Both speak the same protocol; only HTTPS knows its callers by certificate. */
export async function startHttp(
  settings: StaSettings,
  service: StaService,
  log: Logger,
): Promise<StaHttp> {
  const requests = new UnderWay()
  const handle: RequestListener = (request, response) => {
    requests.begin()
    response.once('close', () => requests.end())
    void answer(request, response, service)
  }
  // A peer waits 30 s with an idle connection: three times as long as those who ask keep one.
  const options = {
    keepAliveTimeout: 30_000,
    headersTimeout: settings.requestTimeout,
    requestTimeout: settings.requestTimeout,
    connectionsCheckingInterval: 1000, // Node looks every 30 s otherwise
    maxHeaderSize: 8192,
  }
  const servers: Server[] = []
  const open = new Map<Socket, object>()
  const raw = new Set<Socket>()
  const watch = (server: Server, opened: 'connection' | 'secureConnection'): void => {
    servers.push(server)
    server.maxConnections = settings.connections
    server.on('connection', (socket: Socket) => {
      raw.add(socket)
      socket.once('close', () => raw.delete(socket))
    })
    server.on(opened, (socket: Socket) => {
      const peer = `${unmapped(socket.remoteAddress ?? '')}:${socket.remotePort}`
      open.set(socket, { peer, since: new Date().toISOString() })
      socket.once('close', () => open.delete(socket))
    })
  }
  const at: Record<string, Endpoint> = {}
  if (settings.listen !== undefined) {
    const tls = {
      ...secureContextOptions(settings.identity),
      requestCert: true,
      rejectUnauthorized: false,
    }
    const server = createTlsServer(
      { ...options, ...tls, handshakeTimeout: settings.requestTimeout },
      handle,
    )
    watch(server, 'secureConnection')
    at.listen = await bind(server, settings.listen)
  }
  if (settings.listenHttp !== undefined) {
    log.warn({ event: 'insecure' }, 'plain HTTP is open: whoever sits in a listed network may ask')
    const server = createServer(options, handle)
    watch(server, 'connection')
    at.listenHttp = await bind(server, settings.listenHttp)
  }
  return {
    at,
    connections: () => [...open.values()],
    async drain(milliseconds) {
      for (const server of servers) server.close()
      // Requests are waited for, not connections: those that peers keep would last as long as they like.
      return await requests.over(milliseconds)
    },
    close() {
      for (const server of servers) server.close()
      // HTTP does not know of those that are still in their TLS handshake.
      for (const socket of raw) socket.destroy()
    },
  }
}

/** GET tells that the STA is there and its id, with the 406 that load balancers look for; POST asks it. */
async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  service: StaService,
): Promise<void> {
  if (request.url?.toLowerCase() !== STA_PATH.toLowerCase()) return end(response, 404)
  if (request.method === 'GET')
    return end(response, 406, { [AUTHORITY_HEADER]: service.authority.id })
  if (request.method !== 'POST') return end(response, 405, { allow: 'GET, POST' })
  if (!/^text\/xml\b/i.test(request.headers['content-type'] ?? '')) return end(response, 415)
  const body = await readBody(request, STA_LIMIT)
  if (body === undefined) return end(response, 413, { connection: 'close' })
  const { status, body: xml } = await service.answer(body, callerOf(request))
  response.writeHead(status, { 'content-type': 'text/xml', 'content-length': xml.length }).end(xml)
}

function callerOf({ socket, headers }: IncomingMessage): Caller {
  const text = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const secure = 'encrypted' in socket
  return {
    address: unmapped(socket.remoteAddress ?? ''),
    secure,
    name: secure ? certificateName(socket as TLSSocket) : undefined,
    serviceKey: text(SERVICE_KEY_HEADER),
    session: text(SESSION_HEADER),
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-length': 0, ...headers }).end()
}
