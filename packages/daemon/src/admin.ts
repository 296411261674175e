import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Zones } from '@doublehop/settings/schema'
import { inNetworks } from '@doublehop/settings/values'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { type Network, unmapped } from '@doublehop/wire/ip'
import { bind } from './bind.ts'
import type { Metrics } from './metrics.ts'

/** What a daemon tells on its admin listener. */
export interface AdminView {
  readonly metrics: Metrics
  /** whether a load balancer may send sessions here, and what is degraded */
  readiness(): { readonly ready: boolean; readonly [detail: string]: unknown }
  /** sessions, handshakes and hop connections, each with the address of its peer */
  connections(): object
}

/** What the settings of every daemon say of the listeners for those who run it. */
export interface AdminSettings {
  readonly admin?: Endpoint | undefined
  readonly metrics?: { readonly listen: Endpoint } | undefined
}

/** The listeners for those who run a daemon, as far as its settings ask for them. */
export interface AdminListeners {
  readonly at: Readonly<Record<string, Endpoint>>
  /** who may scrape is judged by these from now on */
  renew(zones: Zones): void
  close(): void
}

/** Opens the admin listener, and the one for scrapers of `zones.management`. @throws Fault DH_LISTEN */
export async function openAdmin(
  settings: AdminSettings,
  view: AdminView,
  zones: Zones,
): Promise<AdminListeners> {
  let management = zones.management ?? []
  const admin = settings.admin && (await startAdmin(settings.admin, view))
  const metrics =
    settings.metrics &&
    (await startMetrics(settings.metrics.listen, view.metrics, () => management))
  return {
    at: { ...(admin && { admin: admin.at }), ...(metrics && { metrics: metrics.at }) },
    renew(changed) {
      management = changed.management ?? []
    },
    close() {
      admin?.close()
      metrics?.close()
    },
  }
}

/** The loopback listener for whoever runs this host: /healthz, /readyz, /metrics, /sessions. Plain HTTP, GET only. */
function startAdmin(on: Endpoint, view: AdminView): Promise<HttpListener> {
  return serve('admin', on, async (request, response) => {
    if (!isLoopbackName(request.headers.host))
      return answer(response, 421, { error: 'ask for localhost' })
    switch (request.url) {
      case '/healthz':
        return answer(response, 200, { healthy: true })
      case '/readyz': {
        const readiness = view.readiness()
        return answer(response, readiness.ready ? 200 : 503, readiness)
      }
      case '/metrics':
        return answerMetrics(response, view.metrics)
      case '/sessions':
        return answer(response, 200, view.connections())
      default:
        return answer(response, 404, {
          error: 'here are /healthz, /readyz, /metrics and /sessions',
        })
    }
  })
}

/** /metrics alone, for a scraper elsewhere: only from the networks of `zones.management`. */
function startMetrics(
  on: Endpoint,
  metrics: Metrics,
  management: () => readonly Network[],
): Promise<HttpListener> {
  return serve('metrics', on, async (request, response) => {
    if (!inNetworks(management(), unmapped(request.socket.remoteAddress ?? '')))
      return void request.socket.destroy()
    if (request.url !== '/metrics') return answer(response, 404, { error: 'here is /metrics' })
    return answerMetrics(response, metrics)
  })
}

interface HttpListener {
  readonly at: Endpoint
  close(): void
}

async function serve(
  name: string,
  on: Endpoint,
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<HttpListener> {
  const server: Server = createServer(
    { requestTimeout: 5000, headersTimeout: 5000, connectionsCheckingInterval: 1000 },
    (request, response) => {
      if (request.method !== 'GET') return answer(response, 405, { error: 'GET only' })
      handle(request, response).catch((error) => answer(response, 500, { error: String(error) }))
    },
  )
  server.maxConnections = 64
  const at = await bind(server, on, name)
  return {
    at,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function answerMetrics(response: ServerResponse, { registry }: Metrics): Promise<void> {
  const text = await registry.metrics()
  response.writeHead(200, { 'content-type': registry.contentType }).end(text)
}

function answer(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body, undefined, 2)}\n`)
}

/** A page of the internet that was rebound to 127.0.0.1 comes with its own name. */
function isLoopbackName(host = ''): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/.test(host)
}
