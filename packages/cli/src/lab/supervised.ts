import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { getCompileCacheDir } from 'node:module'
import { fileURLToPath } from 'node:url'
import { fault } from '@doublehop/errors/fault'
import type { LabDaemon } from './lab-settings.ts'

const FIRST_PAUSE_MILLISECONDS = 250
const LONGEST_PAUSE_MILLISECONDS = 30_000
/** Whoever has lived so long is not in a loop of dying. */
const STEADY_MILLISECONDS = 60_000

interface Events {
  /** it has died and will be started again after the pause, or not at all */
  died: [why: string, pauseMilliseconds: number]
  restarted: [pid: number]
}

/** One daemon of the lab: a process of its own, which is started again when it dies, after a growing pause. */
export class Supervised extends EventEmitter<Events> {
  readonly name: LabDaemon
  readonly #config: string
  readonly #log: string
  readonly #prefix: () => readonly string[]
  #child: ChildProcess | undefined
  #stopping = false
  #pause = FIRST_PAUSE_MILLISECONDS
  #timer: NodeJS.Timeout | undefined

  /**
   * @param config the lab's doublehop.yaml
   * @param log where the daemon logs, for messages
   * @param prefix what stands before its command, which becomes that command and keeps its process id
   */
  constructor(
    name: LabDaemon,
    config: string,
    log: string,
    prefix: () => readonly string[] = () => [],
  ) {
    super()
    this.name = name
    this.#config = config
    this.#log = log
    this.#prefix = prefix
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  /** Starts it and waits until it is ready. @returns where it listens @throws Fault DH_LAB_DAEMON */
  async start(): Promise<Record<string, string>> {
    const { promise, resolve, reject } = Promise.withResolvers<Record<string, string>>()
    const began = performance.now()
    // Stripping types anew at every start would cost each daemon more than all the rest of starting.
    const cache = getCompileCacheDir()
    this.#stopping = false
    const [program, ...args] = [...this.#prefix(), process.execPath, binOf(this.name)]
    const child = spawn(program, [...args, '--config', this.#config], {
      // Standard output stays silent, since it logs to its file; what goes to standard error says why it could not start.
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A group of its own: Ctrl-C is for the lab, which drains its daemons.
      detached: true,
      env: { ...process.env, ...(cache !== undefined && { NODE_COMPILE_CACHE: cache }) },
    })
    this.#child = child
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2000)
    })
    let ready = false
    child.on('message', (message: { event?: string; at?: Record<string, string> }) => {
      if (message.event !== 'ready') return
      ready = true
      resolve(message.at ?? {})
    })
    // Not `exit`: what it has said may still be on its way then.
    child.once('close', (code, signal) => {
      const ended = signal ?? `exit code ${code}`
      const [last] = said.trim().split('\n')
      const why = last ? `${last} (${ended})` : ended
      if (!ready) reject(fault('DH_LAB_DAEMON', { daemon: this.name, why, log: this.#log }))
      else if (!this.#stopping) this.#restart(ended, performance.now() - began)
    })
    return await promise
  }

  /** Ends it: SIGTERM drains, and a second one after the grace ends it at once. @returns its exit code */
  async stop(graceMilliseconds: number): Promise<number> {
    this.#stopping = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? 0
    const { promise, resolve } = Promise.withResolvers<number>()
    child.once('exit', (code) => resolve(code ?? 1))
    child.kill('SIGTERM')
    const again = setTimeout(() => child.kill('SIGTERM'), graceMilliseconds)
    const kill = setTimeout(() => child.kill('SIGKILL'), graceMilliseconds + 2000)
    return await promise.finally(() => {
      clearTimeout(again)
      clearTimeout(kill)
    })
  }

  #restart(why: string, livedMilliseconds: number): void {
    if (livedMilliseconds > STEADY_MILLISECONDS) this.#pause = FIRST_PAUSE_MILLISECONDS
    const pause = this.#pause
    this.#pause = Math.min(2 * pause, LONGEST_PAUSE_MILLISECONDS)
    this.emit('died', why, pause)
    this.#timer = setTimeout(() => {
      this.start().then(
        () => this.emit('restarted', this.pid),
        (error: Error) => !this.#stopping && this.#restart(error.message, 0),
      )
    }, pause)
  }
}

function binOf(daemon: LabDaemon): string {
  return fileURLToPath(import.meta.resolve(`../../../${daemon}/bin/doublehop-${daemon}.ts`))
}
