import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Test } from 'tap'
import { freePort } from './free-port.ts'
import { temporaryFolder } from './house.ts'
import { toolPath } from './tools.ts'
import { until } from './wait.ts'

/** Debian's redis-server on a port of its own, with a password, that ends with the test. */
export class RedisServer {
  readonly url: string
  /** the same, as a section names it: it holds a password */
  readonly store: string
  readonly #port: number
  readonly #folder = temporaryFolder()
  #process: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
    this.url = `redis://:${PASSWORD}@127.0.0.1:${port}`
    this.store = `file:${join(this.#folder, 'url')}`
    writeFileSync(join(this.#folder, 'url'), `${this.url}\n`)
  }

  static async start(test: Test): Promise<RedisServer> {
    const server = new RedisServer(await freePort())
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

  /** It takes commands and answers none, until `thaw`. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** A connection for a test to look around with. */
  client(): Redis {
    return new Redis(this.url, { retryStrategy: () => 50, maxRetriesPerRequest: 20 }).on(
      'error',
      () => {},
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
