import type { ChildProcess } from 'node:child_process'
import type { Flow } from '@doublehop/firewall/flows/flow'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { nftables } from '@doublehop/firewall/rules/nftables'
import { rulesetOf } from '@doublehop/firewall/rules/ruleset'
import { loadSettings } from '@doublehop/settings/load'
import type { Ground } from '../ground.ts'
import {
  LAB_DAEMONS,
  type LabAddresses,
  type LabDaemon,
  type LabFolders,
  type LabSettings,
} from '../lab-settings.ts'
import type { Isolation } from '../lab-state.ts'
import { isolatedAddresses, isolatedSettings } from './isolated-settings.ts'
import { IsolatedNetwork } from './network.ts'
import { assertPossible } from './possible.ts'
import { Routers } from './routers.ts'
import { placesAt, standIn } from './stand-ins.ts'
import { addressOf, type Family, LAB_HOSTS, type LabHost, type Place } from './topology.ts'

export interface IsolatedOptions {
  readonly family: Family
  /** whether `doublehop listen` answers at ports that nobody may reach, so that a hole shows as open; it does */
  readonly standIns?: boolean
  /** what is to be different in the configuration, before anything starts */
  readonly amend?: (settings: LabSettings) => LabSettings
}

/** Each daemon in a network namespace of its own, and three firewalls between them. */
export class IsolatedGround implements Ground {
  readonly addresses: LabAddresses
  readonly phases = [LAB_DAEMONS]
  readonly names: Ground['names']
  readonly #options: IsolatedOptions
  readonly #standIns: ChildProcess[] = []
  #flows: readonly Flow[] = []
  #network: IsolatedNetwork | undefined

  constructor(options: IsolatedOptions) {
    this.#options = options
    this.addresses = isolatedAddresses(options.family)
    // Both families: a lab of the other one does not make the certificates again.
    this.names = Object.fromEntries(
      LAB_DAEMONS.map((daemon) => [daemon, [addressOf(daemon, 4), addressOf(daemon, 6)]]),
    )
  }

  settings(at: LabAddresses, folders: LabFolders): LabSettings {
    const { family, amend = (settings) => settings } = this.#options
    return amend(isolatedSettings(family, at, folders))
  }

  async prepare(config: string): Promise<void> {
    assertPossible()
    const flows = flowsOf(loadSettings(config))
    this.#flows = flows
    this.#network = await IsolatedNetwork.build(this.#options.family, (firewall) =>
      nftables(rulesetOf(flows, firewall)),
    )
  }

  prefix(daemon: LabDaemon): readonly string[] {
    return this.inside(daemon)
  }

  /** What stands before a command that is to run there. */
  inside(place: Place): readonly string[] {
    return this.#built.inside(place)
  }

  async complete(): Promise<Isolation> {
    const { family, standIns = true } = this.#options
    const hosts = standIns ? LAB_HOSTS : []
    await Promise.all(hosts.map((host) => this.#standIn(host, family)))
    return { family, holders: this.#built.holders }
  }

  async close(): Promise<void> {
    for (const child of this.#standIns) child.kill('SIGKILL')
    await this.#network?.close()
  }

  /** The firewalls, to break and to mend them. */
  get routers(): Routers {
    return new Routers(this.#flows, (place) => this.inside(place))
  }

  async #standIn(host: LabHost, family: Family): Promise<void> {
    const places = placesAt(host, this.#flows, family)
    this.#standIns.push(await standIn(this.inside(host), places))
  }

  get #built(): IsolatedNetwork {
    if (this.#network === undefined) throw new Error('no network was built')
    return this.#network
  }
}
