import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Ended, Program } from './foreign.ts'
import { toolPath } from './tools.ts'

const ROOT = join(import.meta.dirname, '../..')
/** An engine with compose, and a look-alike of the base image, for machines without an image registry. */
const SHARED = join(ROOT, '../shared/docker')

const NODE_MAJOR = '26'
const BASE = `node:${NODE_MAJOR}-bookworm-slim`
const PLAIN_BASE = 'doublehop-test-base:plain'

/** Packages are installed and images made meanwhile. */
const PATIENCE_MILLISECONDS = 240_000

/**
 * For a test's `skip` option: why there are no containers here, or false where there can be.
 *
 * @throws Error instead, so that the test fails, with DOUBLEHOP_REQUIRE=all
 */
export function missingEngine(): string | false {
  if (existsSync(join(SHARED, 'engine'))) return false
  const reason = 'there is no ../shared/docker beside the repository'
  if (process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/** A Docker engine in a network namespace of its own. */
export class DockerEngine {
  readonly #test: Test

  private constructor(test: Test) {
    this.#test = test
  }

  /** Starts it if it does not run; then it ends with the test. */
  static async up(test: Test): Promise<DockerEngine> {
    const engine = new DockerEngine(test)
    const { code } = await engine.#run(['docker', 'version'])
    if (code === 0) return engine
    test.teardown(() => engine.#must([join(SHARED, 'engine'), 'down']))
    await engine.#must([join(SHARED, 'engine'), 'up'])
    return engine
  }

  /** Makes the base image, with the packages of package-lock.json at hand for npm, where that was not done before. */
  async haveBase(): Promise<void> {
    const lock = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')))
    const withPackages = `doublehop-test-base:${lock.digest('hex').slice(0, 16)}`
    const present = await this.#imageId(withPackages)
    if (present !== undefined && present === (await this.#imageId(BASE))) return
    if ((await this.#imageId(PLAIN_BASE)) === undefined) {
      await this.#must([join(SHARED, 'base-image'), NODE_MAJOR])
      await this.docker('tag', BASE, PLAIN_BASE)
    }
    await this.docker('tag', PLAIN_BASE, BASE)
    await this.#must([join(SHARED, 'offline-npm'), ROOT, NODE_MAJOR])
    await this.docker('tag', BASE, withPackages)
  }

  /** `docker …`, which has to succeed. @returns what it printed */
  async docker(...args: readonly string[]): Promise<string> {
    return String((await this.#must(['docker', ...args])).stdout)
  }

  /** What `docker inspect` says of a container, network or volume. */
  async inspect<T>(name: string): Promise<T> {
    const [first] = JSON.parse(await this.docker('inspect', name)) as [T]
    return first
  }

  /** `docker …`, as a process that has begun. */
  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    return this.#start(['docker', ...args], env)
  }

  /** A program inside the engine's network namespace, where published ports are. */
  startBeside(args: readonly string[]): Program {
    return this.#start([join(SHARED, 'engine'), 'in', ...args])
  }

  async #imageId(image: string): Promise<string | undefined> {
    const { code, stdout } = await this.#run(['docker', 'image', 'inspect', '-f', '{{.Id}}', image])
    return code === 0 ? String(stdout).trim() : undefined
  }

  async #must(command: readonly string[]): Promise<Ended> {
    const ended = await this.#run(command)
    if (ended.code === 0) return ended
    throw new Error(`${command.join(' ')} ended with ${ended.code}: ${ended.stderr}`)
  }

  async #run(command: readonly string[]): Promise<Ended> {
    return await toItsEnd(this.#start(command))
  }

  #start(command: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
    const inItsEnvironment = '. "$0" && exec "$@"'
    const args = ['-c', inItsEnvironment, join(SHARED, 'env'), ...command]
    return new Program(this.#test, toolPath('bash'), args, { env })
  }
}

/** Waits for a program, which is ended when it takes much too long. @param input all of its standard input */
export async function toItsEnd(program: Program, input: string | Uint8Array = ''): Promise<Ended> {
  program.say(input)
  program.hush()
  const timer = setTimeout(() => void program.stop('SIGKILL'), PATIENCE_MILLISECONDS)
  return await program.ended.finally(() => clearTimeout(timer))
}
