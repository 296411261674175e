import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { toolPath } from './tools.ts'

/** What became of a program that has ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: Buffer
  readonly stderr: string
}

export interface ProgramOptions {
  /** added to this process's environment */
  readonly env?: Readonly<Record<string, string>>
  /** whether what it prints joins the output of the suite: for daemons, which must not print secrets */
  readonly logged?: boolean
  /** whether it has children that outlive it, and leads a group of processes so that they end with it */
  readonly leads?: boolean
}

/** How long a program may take to end, or to say what is waited for. */
const PATIENCE_MILLISECONDS = 30_000
/** How long a program may take to end by SIGTERM; a lab waits 5 s for its sessions. */
const GRACE_MILLISECONDS = 10_000

/** A program of another house that runs as a peer. It ends with the test, by its pid. */
export class Program {
  readonly ended: Promise<Ended>
  readonly #name: string
  readonly #child: ChildProcess
  readonly #leads: boolean
  readonly #stdout: Buffer[] = []
  #stderr = ''
  #read = 0
  #over = false
  #wake = Promise.withResolvers<void>()

  /** @param file path of the program; `toolPath` finds those of the host */
  constructor(test: Test, file: string, args: readonly string[], options: ProgramOptions = {}) {
    const { env = {}, logged = false, leads = false } = options
    this.#name = basename(file)
    const child = spawn(file, args, {
      env: { ...process.env, ...env },
      stdio: 'pipe',
      detached: leads,
    })
    this.#child = child
    this.#leads = leads
    child.stdin.on('error', () => {}) // it may end before it has read everything
    child.stdout.on('data', (bytes: Buffer) => {
      this.#stdout.push(bytes)
      if (logged) this.#log(bytes)
      this.#stir()
    })
    child.stderr.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString()
      if (logged) this.#log(bytes)
      this.#stir()
    })
    const { promise, resolve, reject } = Promise.withResolvers<Ended>()
    this.ended = promise
    child.once('error', reject).once('close', (code, signal) => {
      this.#over = true
      resolve({ code, signal, stdout: this.stdout, stderr: this.#stderr })
      this.#stir()
    })
    promise.catch(() => {})
    test.teardown(() => this.stop())
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** All it has printed so far. */
  get stdout(): Buffer {
    return Buffer.concat(this.#stdout)
  }

  get stderr(): string {
    return this.#stderr
  }

  /** Gives it bytes on its standard input. */
  say(bytes: string | Uint8Array): void {
    this.#child.stdin?.write(bytes)
  }

  /** Ends its standard input. */
  hush(): void {
    this.#child.stdin?.end()
  }

  /** Closes the other end of its standard output: it writes into a broken pipe from here on. */
  deafen(): void {
    this.#child.stdout?.destroy()
  }

  /** The next so many bytes of its standard output, which nobody has taken before. */
  async read(count: number): Promise<Buffer> {
    await this.#until(() => this.stdout.length - this.#read >= count)
    this.#read += count
    return this.stdout.subarray(this.#read - count, this.#read)
  }

  /** The next bytes of its standard output up to this text and with it. */
  async readThrough(end: string): Promise<Buffer> {
    const find = (): number => this.stdout.indexOf(end, this.#read)
    await this.#until(() => find() >= 0)
    return await this.read(find() + end.length - this.#read)
  }

  /** Waits until it has printed this on either of its outputs. */
  async says(what: RegExp): Promise<void> {
    await this.#until(() => what.test(this.#stderr) || what.test(this.stdout.toString('latin1')))
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name)
  }

  /** Ends it: SIGTERM unless told otherwise, and SIGKILL for who does not listen. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    if (!this.#over) this.#kill(signal)
    const kill = setTimeout(() => this.#kill('SIGKILL'), GRACE_MILLISECONDS)
    return await this.ended.finally(() => clearTimeout(kill))
  }

  #kill(signal: NodeJS.Signals): void {
    if (!this.#leads) return void this.#child.kill(signal)
    try {
      process.kill(-this.pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }

  async #until(isSo: () => boolean): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const complain = (why: string): Error =>
      new Error(
        `${this.#name} ${why}; it printed ${this.stdout.toString('latin1')} ${this.#stderr}`,
      )
    const timer = setTimeout(
      () => reject(complain(`has kept us waiting for ${PATIENCE_MILLISECONDS} ms`)),
      PATIENCE_MILLISECONDS,
    )
    try {
      while (!isSo()) {
        if (this.#over) throw complain('has ended')
        await Promise.race([this.#wake.promise, late])
      }
    } finally {
      clearTimeout(timer)
    }
  }

  #stir(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }

  #log(bytes: Buffer): void {
    const output = process.env.DOUBLEHOP_TEST_OUTPUT
    if (output !== undefined)
      appendFileSync(join(output, `${process.pid}.${this.#name}.log`), bytes)
  }
}

/** Starts a tool of the host. */
export function start(
  test: Test,
  tool: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  return new Program(test, toolPath(tool), args, options)
}

/** Runs a tool of the host to its end. */
export async function run(
  test: Test,
  tool: string,
  args: readonly string[],
  { input, ...options }: ProgramOptions & { readonly input?: string | Uint8Array } = {},
): Promise<Ended> {
  const program = start(test, tool, args, options)
  if (input !== undefined) program.say(input)
  program.hush()
  const timer = setTimeout(() => void program.stop('SIGKILL'), PATIENCE_MILLISECONDS)
  return await program.ended.finally(() => clearTimeout(timer))
}

/** A daemon of the host that listens on a port. */
export interface Served {
  readonly program: Program
  readonly port: number
}

/**
 * Starts a daemon that has to be told its port.
 *
 * @param describe its arguments, for this port
 * @param ready what it prints when it listens
 */
export async function serve(
  test: Test,
  tool: string,
  describe: (port: number) => readonly string[],
  ready: RegExp,
  options: ProgramOptions = {},
): Promise<Served> {
  const port = await freePort()
  const program = start(test, tool, describe(port), { logged: true, ...options })
  await program.says(ready)
  return { program, port }
}
