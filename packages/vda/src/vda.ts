import { openAdmin } from '@doublehop/daemon/admin'
import type { Daemon, Surroundings } from '@doublehop/daemon/daemon'
import { noteHandshakeFailures } from '@doublehop/daemon/handshake-failures'
import type { Leg } from '@doublehop/daemon/leg'
import { type Listener, listen } from '@doublehop/daemon/listen'
import { SessionLimit } from '@doublehop/daemon/session-limit'
import type { VdaApp, VdaSettings } from '@doublehop/settings/vda'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { VdaSessions } from './sessions.ts'

/** Starts a mock VDA: one listener for each port of each published app. */
export async function startVda(
  first: VdaSettings,
  surroundings: Surroundings,
): Promise<Daemon<'vda'>> {
  const { log, metrics, zones } = surroundings
  let settings = first
  const sessions = new VdaSessions(() => settings, surroundings)
  const limit = new SessionLimit(settings.limits)
  const listeners: Listener[] = []
  const at: Record<string, Endpoint> = {}

  const open = async (
    key: string,
    on: Endpoint,
    serve: (leg: Leg) => Promise<void>,
  ): Promise<void> => {
    const listener = await listen({
      name: key,
      on,
      handshakeMilliseconds: 0,
      keep: 65_536,
      connections: settings.limits.sessions,
      refusal: () => limit.refusal(),
      onLeg(leg, handshake) {
        handshake.finish()
        limit.enter(leg)
        void serve(leg)
      },
      onFailure: noteHandshakeFailures(log, metrics),
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
    async reload(changed, changedZones) {
      settings = changed
      limit.limits = changed.limits
      for (const listener of listeners) listener.renew({ connections: changed.limits.sessions })
      admin.renew(changedZones)
    },
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
