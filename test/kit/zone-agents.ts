import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join as joinPath } from 'node:path'
import { LAB_HOSTS, type LabHost, zoneOf } from '@doublehop/cli/lab/isolated/topology'
import { planOf } from '@doublehop/firewall/check/plan-of'
import type { CheckResult } from '@doublehop/firewall/check/result'
import { type Joined, join } from '@doublehop/firewall/report/join'
import type { Settings } from '@doublehop/settings/schema'
import type { Zone } from '@doublehop/settings/zones'
import type { IsolatedWorld } from './isolated-world.ts'
import type { Task } from './zone-agent-process.ts'

/** An agent for checks in each place, kept running. */
interface Agent {
  readonly host: LabHost
  readonly process: ChildProcess
}

/** One agent in each namespace where flows start; together they check the whole matrix. */
export class ZoneAgents {
  readonly #agents: readonly Agent[]
  readonly #settings: Settings

  private constructor(settings: Settings, agents: readonly Agent[]) {
    this.#settings = settings
    this.#agents = agents
  }

  static async start(world: IsolatedWorld): Promise<ZoneAgents> {
    const agents = LAB_HOSTS.map((host) => ({ host, process: world.fork(host, PROCESS) }))
    await Promise.all(agents.map(({ process }) => once(process, 'message')))
    return new ZoneAgents(world.settings, agents)
  }

  /** What all of them see at this moment, or those of one zone. */
  async check({ seconds = 1, only, zone }: Asked = {}): Promise<Joined> {
    const asked = this.#agents.filter(({ host }) => zone === undefined || zoneOf(host) === zone)
    const results = await Promise.all(
      asked.map(async ({ host, process }) => {
        const task: Task = {
          plan: planOf(this.#settings, zoneOf(host)),
          ...{ timeoutMilliseconds: seconds * 1000, only },
        }
        process.send(task)
        const [result] = await once(process, 'message')
        return result as CheckResult
      }),
    )
    return join(results, [])
  }
}

interface Asked {
  /** the timeout of the checks */
  readonly seconds?: number
  readonly only?: readonly string[]
  readonly zone?: Zone
}

const PROCESS = joinPath(import.meta.dirname, 'zone-agent-process.ts')

/** What a check finds, in one line each: `DH_FW_FILTERED 2 gateway-proxy-1080`. */
export function found({ findings }: Joined): string[] {
  return findings.map(
    ({ code, firewalls, flows }) => `${code} ${firewalls.join('')} ${flows.join(' ')}`,
  )
}
