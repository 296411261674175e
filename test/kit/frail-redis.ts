import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { logTo } from '@doublehop/daemon/log'
import { openRedis } from '@doublehop/daemon/redis'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { temporaryFolder } from './house.ts'
import { toolPath } from './tools.ts'
import { until } from './wait.ts'

/** Debian's redis-server, with a password, that a test can stop, freeze and look into. It ends with the test. */
export class FrailRedis {
  readonly url: string
  /** how settings name it: the url holds a password, so it stands in a file */
  readonly store: string
  readonly #port: number
  readonly #folder = temporaryFolder()
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
    this.url = `redis://:${PASSWORD}@127.0.0.1:${port}`
    const file = join(this.#folder, 'url')
    writeFileSync(file, this.url, { mode: 0o600 })
    this.store = `file:${file}`
  }

  static async start(test: Test): Promise<FrailRedis> {
    const server = new FrailRedis(await freePort())
    await server.start()
    test.teardown(() => server.stop())
    return server
  }

  /** Starts it again after `stop`, with what it held. */
  async start(): Promise<void> {
    const child = spawn(
      toolPath('redis-server'),
      [
        '--port',
        `${this.#port}`,
        '--bind',
        '127.0.0.1',
        '--requirepass',
        PASSWORD,
        '--dir',
        this.#folder,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    this.#process = child
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', keepOutput)
    const client = this.client()
    await until(
      () => client.ping().catch(() => ''),
      (answer) => answer === 'PONG',
    )
    client.disconnect()
  }

  /** Ends it at once, as a power cut does. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGCONT')
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** It comes back, and has forgotten everything: one without persistence. */
  async startEmpty(): Promise<void> {
    await this.stop()
    rmSync(join(this.#folder, 'appendonlydir'), { recursive: true, force: true })
    await this.start()
  }

  /** where it listens */
  get at(): Endpoint {
    return { host: '127.0.0.1', port: this.#port }
  }

  /** The same, behind this port: for a wire in a test's hands. */
  storeAt(port: number): string {
    const file = join(this.#folder, `url-${port}`)
    writeFileSync(file, this.url.replace(String(this.#port), String(port)), { mode: 0o600 })
    return `file:${file}`
  }

  /** It takes commands and answers none, until `thaw`. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** A connection for a test to look around with. */
  client(): ReturnType<typeof openRedis> {
    const noIdentity = { certificate: '', key: '' }
    return openRedis(
      this.url,
      noIdentity,
      logTo('test', () => {}),
    )
  }

  /** Everything it holds, as text: each key with its value. */
  async dump(): Promise<Map<string, string>> {
    const client = this.client()
    const all = new Map<string, string>()
    for (const key of await client.keys('*')) {
      const sorted = (await client.type(key)) === 'zset'
      all.set(
        key,
        sorted ? (await client.zrange(key, '0', '-1')).join(' ') : ((await client.get(key)) ?? ''),
      )
    }
    client.disconnect()
    return all
  }
}

const PASSWORD = 'a-password-of-the-test'

function keepOutput(bytes: Buffer): void {
  const output = process.env.DOUBLEHOP_TEST_OUTPUT
  if (output !== undefined) appendFileSync(join(output, `${process.pid}.redis.log`), bytes)
}
