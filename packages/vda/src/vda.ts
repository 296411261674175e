import { openAdmin } from '@doublehop/daemon/admin'
import type { Leg } from '@doublehop/daemon/leg'
import type { Daemon, Surroundings } from '@doublehop/daemon/lifecycle'
import { type Listener, listen } from '@doublehop/daemon/listen'
import type { VdaApp, VdaSettings } from '@doublehop/settings/vda'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { VdaSessions } from './sessions.ts'

/** Starts a mock VDA: one listener for each port of each published app. */
export async function startVda(
  settings: VdaSettings,
  { log, metrics, zones }: Surroundings,
): Promise<Daemon> {
  const sessions = new VdaSessions(settings, log, metrics)
  const listeners: Listener[] = []
  const at: Record<string, Endpoint> = {}

  const open = async (
    key: string,
    on: Endpoint,
    serve: (leg: Leg) => Promise<void>,
  ): Promise<void> => {
    const listener = await listen({
      on,
      handshakeMilliseconds: 0,
      keep: 65_536,
      connections: settings.sessions,
      onLeg: (leg) => void serve(leg),
      onFailure: () => {},
    })
    listeners.push(listener)
    at[key] = listener.at
  }
  for (const app of settings.apps) await openApp(app, open, sessions)

  let draining = false
  const view = {
    metrics,
    readiness: () => ({ ready: !draining, draining }),
    connections: () => ({ sessions, handshakes: [], hopConnections: [] }),
  }
  const admin = await openAdmin(settings, view, zones)
  return {
    at: { ...at, ...admin.at },
    async drain() {
      draining = true
      for (const listener of listeners) listener.stop()
      return await sessions.drained(settings.drainTimeout)
    },
    async close() {
      for (const listener of listeners) listener.stop()
      sessions.endAll()
      admin.close()
    },
  }
}

async function openApp(
  app: VdaApp,
  open: (key: string, on: Endpoint, serve: (leg: Leg) => Promise<void>) => Promise<void>,
  sessions: VdaSessions,
): Promise<void> {
  if (app.listenCgp)
    await open(`${app.name}.cgp`, app.listenCgp, (leg) => sessions.serveCgp(app, leg))
  if (app.listenIca)
    await open(`${app.name}.ica`, app.listenIca, (leg) => sessions.serveIca(app, leg))
}
