import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type DockerEngine, toItsEnd } from './docker-engine.ts'
import type { Ended, Program } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { noteSecrets } from './secrets.ts'

/** What `docker inspect` says of a container, as far as tests look. */
export interface Container {
  readonly RestartCount: number
  readonly State: {
    readonly Pid: number
    readonly ExitCode: number
    readonly Health?: { readonly Status: string }
  }
  readonly Config: { readonly User: string; readonly Env: readonly string[] }
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean
    readonly CapAdd: readonly string[] | null
    readonly CapDrop: readonly string[]
    readonly SecurityOpt: readonly string[]
    readonly Privileged: boolean
    readonly PidsLimit: number
    readonly Memory: number
  }
  readonly Mounts: readonly { readonly Destination: string; readonly RW: boolean }[]
  readonly NetworkSettings: {
    readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>
  }
}

/** The project's docker-compose.yml, under a name and with a port of its own. It is taken down with the test. */
export class ComposeProject {
  readonly name = `doublehop-test-${process.pid}`
  readonly image = `${this.name}:latest`
  readonly #engine: DockerEngine
  readonly #folder: string
  readonly #certs = join(temporaryFolder(), 'certs')

  /** @param folder where docker-compose.yml lies */
  constructor(test: Test, engine: DockerEngine, folder: string) {
    this.#engine = engine
    this.#folder = folder
    test.teardown(async () => {
      await this.compose(['--profile', '*', 'kill'])
      await this.compose(['--profile', '*', 'down', '--volumes', '--remove-orphans'])
      await toItsEnd(engine.start(['image', 'rm', this.image]))
    })
  }

  /** `docker compose …`, to its end. @param input its standard input */
  async compose(args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
    return await toItsEnd(this.start(args), input)
  }

  /** `docker compose …`, as a process that has begun. */
  start(args: readonly string[]): Program {
    const where = ['--project-directory', this.#folder, '-p', this.name]
    const env = { DOUBLEHOP_IMAGE: this.image, DOUBLEHOP_PUBLISH: '127.0.0.1:' }
    return this.#engine.start(['compose', ...where, ...args], env)
  }

  /** The client, as a process that has begun. Its container is called as those of services are. */
  startWorkspace(...args: readonly string[]): Program {
    return this.start([
      'run',
      '--rm',
      '-T',
      '--name',
      this.#nameOf('workspace'),
      'workspace',
      ...args,
    ])
  }

  /** The client, to its end: `workspace('launch', '--app', 'echo')`. */
  async workspace(args: readonly string[], input: string | Uint8Array = ''): Promise<Ended> {
    return await this.compose(['run', '--rm', '-T', 'workspace', ...args], input)
  }

  /** A command in a running container. */
  async exec(service: string, ...command: readonly string[]): Promise<Ended> {
    return await this.compose(['exec', '-T', service, ...command])
  }

  /** A script of test/containers/inside, run by Node in a running container. @returns the JSON it prints */
  async inside<T>(service: string, script: string, about: unknown = null): Promise<T> {
    const code = readFileSync(join(import.meta.dirname, '../containers/inside', script))
    const node = ['node', '--input-type=module', '-', JSON.stringify(about)]
    const program = this.#engine.start(['exec', '-i', this.#nameOf(service), ...node])
    const { stdout, stderr } = await toItsEnd(program, code)
    if (stderr !== '') throw new Error(`${script} in ${service}: ${stderr}`)
    return JSON.parse(String(stdout)) as T
  }

  async container(service: string): Promise<Container> {
    return await this.#engine.inspect<Container>(this.#nameOf(service))
  }

  /** A copy of what `certs` made. @returns its folder */
  async certificates(): Promise<string> {
    mkdirSync(this.#certs, { recursive: true })
    await this.#engine.docker('cp', '-q', `${this.#nameOf('certs')}:/certs/.`, this.#certs)
    noteSecrets(this.#certs)
    return this.#certs
  }

  /** `address:port` at which the gateway is published. */
  async published(): Promise<string> {
    return String((await this.compose(['port', 'gateway', '8443'])).stdout).trim()
  }

  /** Adds what the containers have logged to the output of the suite. */
  async keepLogs(): Promise<void> {
    const output = process.env.DOUBLEHOP_TEST_OUTPUT
    const { stdout } = await this.compose(['logs', '--no-color'])
    if (output !== undefined) appendFileSync(join(output, `${this.name}.log`), stdout)
  }

  /** What is there of the project, by kind. */
  async leftovers(): Promise<Record<string, string[]>> {
    const label = `label=com.docker.compose.project=${this.name}`
    const list = async (...args: string[]) =>
      (await this.#engine.docker(...args, '--filter', label)).split('\n').filter(Boolean)
    return {
      containers: await list('ps', '-aq'),
      networks: await list('network', 'ls', '-q'),
      volumes: await list('volume', 'ls', '-q'),
    }
  }

  #nameOf(service: string): string {
    return `${this.name}-${service}-1`
  }
}
