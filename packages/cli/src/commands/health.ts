import { asFault } from '@doublehop/errors/fault'
import { z } from 'zod'
import { type AdminListener, type AdminOptions, adminListeners } from '../admin-listeners.ts'
import { askAdmin } from '../ask-admin.ts'

/** What /readyz says, as far as it says why. */
const Readiness = z.looseObject({
  ready: z.boolean(),
  draining: z.boolean().default(false),
  nextHops: z.record(z.string(), z.string()).default({}),
  store: z.string().optional(),
  degraded: z.array(z.string()).catch([]),
})

interface Health {
  readonly daemon: string
  readonly ready: boolean
  /** why it is not ready, or what is degraded */
  readonly why?: string | undefined
  readonly readyz?: unknown
  /** nobody can ask it: that is for who wrote the configuration */
  readonly unconfigured?: boolean
}

const EXIT = { ready: 0, notReady: 1, configuration: 78 } as const

/** doublehop health: whether each daemon is ready, one line each. @returns the exit code */
export async function health(options: AdminOptions & { readonly json: boolean }): Promise<number> {
  const all = await Promise.all(adminListeners(options).map(healthOf))
  process.stdout.write(options.json ? asJson(all) : all.map(asLine).join(''))
  if (all.some(({ unconfigured }) => unconfigured)) return EXIT.configuration
  return all.every(({ ready }) => ready) ? EXIT.ready : EXIT.notReady
}

async function healthOf({ daemon, at, inside }: AdminListener): Promise<Health> {
  if (at === undefined) {
    const why = 'it cannot be asked, its section names no admin listener'
    return { daemon, ready: false, why, unconfigured: true }
  }
  try {
    const body = await askAdmin({ at, inside }, '/readyz')
    const { success, data } = Readiness.safeParse(body)
    if (!success) return { daemon, ready: false, why: `${at} answers, but not what /readyz says` }
    return {
      daemon,
      ready: data.ready,
      why: data.ready ? lacks(data) : obstacle(data),
      readyz: body,
    }
  } catch (error) {
    return { daemon, ready: false, why: asFault(error).message }
  }
}

type Said = z.output<typeof Readiness>

function obstacle({ draining, nextHops, store }: Said): string {
  if (draining) return 'it is draining'
  const hops = Object.keys(nextHops)
  if (hops.length > 0 && !Object.values(nextHops).includes('up'))
    return `no next hop is up (${hops.join(', ')})`
  return store === undefined ? 'it does not say why' : `its store is not there (${store})`
}

function lacks({ nextHops, degraded }: Said): string | undefined {
  const down = Object.keys(nextHops).filter((name) => nextHops[name] !== 'up')
  const all = [...down.map((name) => `next hop ${name}`), ...degraded]
  return all.length === 0 ? undefined : `without ${all.join(', ')}`
}

function asLine({ daemon, ready, why }: Health): string {
  const state = ready ? 'ready' : 'not ready'
  return `${daemon}: ${why === undefined ? state : `${state}, ${why}`}\n`
}

function asJson(all: readonly Health[]): string {
  const shown = all.map(({ daemon, ready, why, readyz }) => [daemon, { ready, why, readyz }])
  return `${JSON.stringify(Object.fromEntries(shown))}\n`
}
