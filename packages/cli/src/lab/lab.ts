import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { makeLabCertificates } from '@doublehop/pki/lab'
import { stringify } from 'yaml'
import type { Ground } from './ground.ts'
import { LAB_DAEMONS, type LabAddresses, type LabDaemon, type LabFolders } from './lab-settings.ts'
import { forgetLab, type Isolation, type LabState, rememberLab, runningLab } from './lab-state.ts'
import { Supervised } from './supervised.ts'

export interface LabOptions {
  readonly folders: LabFolders
  readonly ground: Ground
  /** something to tell whoever watches */
  onNotice(text: string): void
}

/** The lab: gateway, proxy, storefront, STA and VDA as separate processes. */
export class Lab {
  readonly folders: LabFolders
  readonly #options: LabOptions
  readonly #ground: Ground
  readonly #daemons: ReadonlyMap<LabDaemon, Supervised>
  #addresses: LabAddresses
  #isolation: Isolation | undefined
  #started = false

  constructor(options: LabOptions) {
    this.folders = options.folders
    this.#options = options
    this.#ground = options.ground
    this.#addresses = options.ground.addresses
    this.#daemons = new Map(
      LAB_DAEMONS.map((name) => [
        name,
        new Supervised(name, this.configFile, this.logFile(name), () => this.#ground.prefix(name)),
      ]),
    )
  }

  get configFile(): string {
    return join(this.folders.state, 'doublehop.yaml')
  }

  logFile(daemon: LabDaemon): string {
    return join(this.folders.state, 'logs', `${daemon}.log`)
  }

  get addresses(): LabAddresses {
    return this.#addresses
  }

  /**
   * Makes what is missing, starts everything, and remembers where it is.
   *
   * @throws Fault DH_LAB_RUNNING, DH_LAB_DAEMON, DH_LAB_ISOLATION
   */
  async start(): Promise<LabState> {
    const running = runningLab(this.folders.state)
    if (running !== undefined) throw fault('DH_LAB_RUNNING', { pid: running })
    rmSync(join(this.folders.state, 'logs'), { recursive: true, force: true })
    mkdirSync(join(this.folders.state, 'logs'), { recursive: true, mode: 0o700 })
    makeLabCertificates(this.folders.certs, { names: this.#ground.names })
    const placed: LabDaemon[] = []
    for (const [number, phase] of this.#ground.phases.entries()) {
      placed.push(...phase)
      this.#writeSettings(placed)
      if (number === 0) await this.#ground.prepare(this.configFile)
      const started = await Promise.all(
        phase.map(async (name) => [name, await this.daemon(name).start()] as const),
      )
      this.#addresses = { ...this.#addresses, ...Object.fromEntries(started) }
    }
    this.#writeSettings([...LAB_DAEMONS, 'workspace'])
    this.#isolation = await this.#ground.complete()
    for (const daemon of this.#daemons.values()) this.#watch(daemon)
    this.#started = true
    return this.#remember()
  }

  /** Ends everything, from the client's side inwards. @returns whether every session had ended by itself */
  async stop(graceMilliseconds: number): Promise<boolean> {
    if (this.#started) forgetLab(this.folders.state)
    let drained = true
    for (const name of LAB_DAEMONS) {
      drained = (await this.daemon(name).stop(graceMilliseconds)) === 0 && drained
    }
    await this.#ground.close()
    return drained
  }

  daemon(name: LabDaemon): Supervised {
    const daemon = this.#daemons.get(name)
    if (daemon === undefined) throw new Error(`no daemon ${name}`)
    return daemon
  }

  /** Only the sections of those whose neighbours behind them have a place: with free ports the others have none yet. */
  #writeSettings(sections: readonly string[]): void {
    const note = '# The lab of doublehop up. Written anew at every start.\n'
    const all = Object.entries(this.#ground.settings(this.#addresses, this.folders))
    const settings = Object.fromEntries(
      all.filter(([name]) => name === 'zones' || sections.includes(name)),
    )
    writeFileSync(this.configFile, note + stringify(settings), { mode: 0o600 })
  }

  #remember(): LabState {
    const pid = (name: LabDaemon): number => this.daemon(name).pid
    return rememberLab(this.folders, this.#addresses, pid, this.#isolation)
  }

  #watch(daemon: Supervised): void {
    daemon
      .on('died', (why, pause) =>
        this.#options.onNotice(
          `${daemon.name} died (${why}); starting it again in ${pause / 1000} s, its log: ${this.logFile(daemon.name)}`,
        ),
      )
      .on('restarted', (pid) => {
        this.#options.onNotice(`${daemon.name} is back, pid ${pid}`)
        this.#remember()
      })
  }
}
