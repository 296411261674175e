import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { openEnd } from '../../../test/kit/ends.ts'
import { until } from '../../../test/kit/wait.ts'

const VDA = join(import.meta.dirname, '../../vda/bin/doublehop-vda.ts')

/** A daemon that is the child of this process and may send it messages: the VDA, which needs nobody else. */
class ChildDaemon {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly #ready: Promise<{ at: Record<string, string> }>
  readonly #ended: Promise<unknown>

  constructor(t: Test, section: string) {
    const file = join(t.testdir({ 'doublehop.yaml': section }), 'doublehop.yaml')
    const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const
    this.child = spawn(process.execPath, [VDA, '--config', file], { stdio: [...stdio] })
    t.teardown(() => this.child.kill('SIGKILL'))
    const { stdout, stderr } = this.child as ChildProcess & { stdout: Readable; stderr: Readable }
    const closed = [once(stdout, 'close'), once(stderr, 'close')]
    this.#ended = Promise.all([once(this.child, 'exit'), ...closed])
    stdout.on('data', (text) => {
      this.out += text
      keep(text)
    })
    stderr.on('data', (text) => {
      this.err += text
      keep(text)
    })
    this.#ready = new Promise((resolve) =>
      this.child.once('message', (message) => resolve(message as never)),
    )
  }

  /** `address:port` of its app, once it says so. */
  async at(): Promise<string> {
    return (await this.#ready).at['echo.cgp'] ?? 'nowhere'
  }

  async exit(): Promise<number | null> {
    await this.#ended
    return this.child.exitCode
  }

  events(): string[] {
    const lines = this.out.split('\n').filter((line) => line !== '')
    return lines.map((line) => (JSON.parse(line) as { event: string }).event)
  }
}

function keep(text: Buffer): void {
  const output = process.env.DOUBLEHOP_TEST_OUTPUT
  if (output !== undefined) appendFileSync(join(output, `${process.pid}.log`), text)
}

function vda(app: string, more = ''): string {
  return `vda:\n${more}  apps:\n    - { name: echo, kind: echo, ${app} }\n`
}

t.test('tells its parent where it listens, and drains when the parent is gone', async (t) => {
  const daemon = new ChildDaemon(t, vda('listenCgp: "127.0.0.1:0"'))
  const [host = '', port] = (await daemon.at()).split(':')
  const session = await openEnd(t, { host, port: Number(port) })
  session.say('x')
  await session.read(1)
  daemon.child.disconnect()
  await until(
    () => daemon.events(),
    (events) => events.includes('draining'),
  )
  session.finish('what is under way goes on')
  t.equal((await session.rest()).toString(), 'what is under way goes on')
  t.equal(await daemon.exit(), 0)
  t.same(daemon.events(), [
    'ready',
    'session-opened',
    'draining',
    'session-closed',
    'session-closed',
    'stopped',
  ])
  t.equal(daemon.err, '')
})

t.test('a port that is taken ends it, whatever it had opened before', async (t) => {
  const first = new ChildDaemon(t, vda('listenCgp: "127.0.0.1:0"'))
  const taken = await first.at()
  const apps = `listenCgp: "127.0.0.1:0", listenIca: "${taken}"`
  const second = new ChildDaemon(t, vda(apps, '  admin: "127.0.0.1:0"\n'))
  t.equal(await second.exit(), 78)
  t.match(second.err, /the port is taken/)
  t.equal(second.out, '')
})
