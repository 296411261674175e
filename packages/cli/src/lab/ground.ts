import {
  type ExtraApp,
  freeAddresses,
  LAB_DAEMONS,
  type LabAddresses,
  type LabDaemon,
  type LabFolders,
  type LabSettings,
  labSettings,
  USUAL_ADDRESSES,
} from './lab-settings.ts'
import type { Isolation } from './lab-state.ts'

/** What the daemons of a lab stand on: the loopback of this host, or a network of their own. */
export interface Ground {
  /** where they are to listen; port 0 takes a free one */
  readonly addresses: LabAddresses
  /** who may start at the same time */
  readonly phases: readonly (readonly LabDaemon[])[]
  /** the host names and addresses that a certificate holds beside the usual ones */
  readonly names: Partial<Record<LabDaemon, readonly string[]>>
  settings(at: LabAddresses, folders: LabFolders): LabSettings
  /** Makes it, before the first daemon. @param config the lab's doublehop.yaml @throws Fault DH_LAB_ISOLATION */
  prepare(config: string): Promise<void>
  /** What stands before the command of a daemon. */
  prefix(daemon: LabDaemon): readonly string[]
  /** What follows when all daemons are ready. @returns what other commands need to know of it */
  complete(): Promise<Isolation | undefined>
  /** Leaves nothing of it. */
  close(): Promise<void>
}

/** With free ports, each knows where the next one listens only once that has started. */
const FROM_BEHIND: Ground['phases'] = [['sta', 'vda'], ['proxy', 'storefront'], ['gateway']]

/** All on loopback. */
export class Loopback implements Ground {
  readonly addresses: LabAddresses
  readonly phases: Ground['phases']
  readonly names = {}
  readonly #apps: readonly ExtraApp[]

  /** @param ephemeral ports that are free, instead of the usual ones */
  constructor(ephemeral: boolean, apps: readonly ExtraApp[]) {
    this.addresses = ephemeral ? freeAddresses() : USUAL_ADDRESSES
    this.phases = ephemeral || apps.length > 0 ? FROM_BEHIND : [LAB_DAEMONS]
    this.#apps = apps
  }

  settings(at: LabAddresses, folders: LabFolders): LabSettings {
    return labSettings(at, folders, this.#apps)
  }

  async prepare(): Promise<void> {}

  prefix(): readonly string[] {
    return []
  }

  async complete(): Promise<undefined> {}

  async close(): Promise<void> {}
}
