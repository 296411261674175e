import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { openEnd } from '../../../test/kit/ends.ts'
import { until } from '../../../test/kit/wait.ts'

const VDA = join(import.meta.dirname, '../../vda/bin/doublehop-vda.ts')

/** A daemon as a process of its own: the VDA, which needs nobody else. */
class DaemonProcess {
  readonly child: ChildProcess
  out = ''
  err = ''
  readonly #ready: Promise<{ at: Record<string, string> }>
  readonly #ended: Promise<unknown>

  constructor(
    t: Test,
    section: string,
    args: readonly string[] = [],
    parent: 'ipc' | 'ignore' = 'ipc',
  ) {
    const folder = t.testdir({ 'doublehop.yaml': section })
    const config = ['--config', join(folder, 'doublehop.yaml')]
    this.child = spawn(process.execPath, [VDA, ...config, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', parent],
    })
    t.teardown(() => this.child.kill('SIGKILL'))
    const { stdout, stderr } = this.child as ChildProcess & { stdout: Readable; stderr: Readable }
    this.#ended = Promise.all([
      once(this.child, 'exit'),
      once(stdout, 'close'),
      once(stderr, 'close'),
    ])
    stdout.on('data', (text) => {
      this.out += text
    })
    stderr.on('data', (text) => {
      this.err += text
    })
    this.#ready = new Promise((resolve) =>
      this.child.once('message', (message) => resolve(message as never)),
    )
  }

  /** The port it listens on, once it says so. */
  async port(): Promise<number> {
    const { at } = await this.#ready
    return Number(at['echo.cgp']?.split(':').at(-1))
  }

  async exit(): Promise<number | NodeJS.Signals> {
    await this.#ended
    return this.child.exitCode ?? (this.child.signalCode as NodeJS.Signals)
  }

  events(): string[] {
    const lines = this.out.split('\n').filter((line) => line !== '')
    return lines.map((line) => (JSON.parse(line) as { event: string }).event)
  }
}

function vda(more = ''): string {
  return `vda:\n  apps:\n    - { name: echo, kind: echo, listenCgp: "127.0.0.1:0" }\n${more}`
}

t.test('says where it listens when it is ready, and drains at SIGTERM or SIGINT', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const daemon = new DaemonProcess(t, vda())
    const port = await daemon.port()
    const session = await openEnd(t, { host: '127.0.0.1', port })
    session.say('x')
    await session.read(1)
    daemon.child.kill(signal)
    await until(
      () => daemon.events(),
      (events) => events.includes('draining'),
    )
    await until(() => refuses(port), Boolean)
    session.say('still here')
    t.equal((await session.read(10)).toString(), 'still here', 'what is under way goes on')
    session.finish()
    t.equal(await daemon.exit(), 0)
    t.same(daemon.events(), ['ready', 'draining', 'session-closed', 'stopped'])
    t.equal(daemon.err, '')
  }
})

t.test('cuts what does not end in time', async (t) => {
  const daemon = new DaemonProcess(t, vda('  drainTimeout: 200ms\n'))
  const session = await openEnd(t, { host: '127.0.0.1', port: await daemon.port() })
  session.say('x')
  await session.read(1)
  daemon.child.kill('SIGTERM')
  t.equal(await daemon.exit(), 1)
  await session.until(() => session.ended || session.closed)
})

t.test('a second signal does not wait', async (t) => {
  const daemon = new DaemonProcess(t, vda())
  const session = await openEnd(t, { host: '127.0.0.1', port: await daemon.port() })
  session.say('x')
  await session.read(1)
  daemon.child.kill('SIGTERM')
  await until(
    () => daemon.events(),
    (events) => events.includes('draining'),
  )
  daemon.child.kill('SIGTERM')
  t.equal(await daemon.exit(), 1)
})

t.test('ends itself when the parent that asked for messages is gone', async (t) => {
  const daemon = new DaemonProcess(t, vda())
  await daemon.port()
  daemon.child.disconnect()
  t.equal(await daemon.exit(), 0)
  t.same(daemon.events(), ['ready', 'draining', 'stopped'])
})

t.test('what is wrong with its configuration is one line and exit code 78', async (t) => {
  const wrong: Record<string, [section: string, args: string[], says: RegExp]> = {
    'a key that does not exist': ['vda:\n  aps: []\n', [], /aps/],
    'no section of its own': ['proxy: {}\n', [], /vda/],
    'an override of nothing': [vda(), ['--set', 'vda.nothing=1'], /nothing/],
    'a file that is not there': [
      vda(),
      ['--config', '/nowhere/doublehop.yaml'],
      /\/nowhere\/doublehop.yaml/,
    ],
    'a log file that cannot be': [vda('  log: { file: /dev/null/x.log }\n'), [], /log\.file/],
  }
  for (const [what, [section, args, says]] of Object.entries(wrong)) {
    const daemon = new DaemonProcess(t, section, args, 'ignore')
    t.equal(await daemon.exit(), 78, what)
    t.match(daemon.err, says, what)
    t.match(daemon.err, /^doublehop vda: .+\n( .+\n)* {2}DH_[A-Z_]+ · .+\n$/, what)
    t.equal(daemon.out, '', what)
  }
})

t.test('arguments it cannot understand are named', async (t) => {
  for (const args of [['--nonsense'], ['--set', 'nonsense'], ['nonsense']]) {
    const daemon = new DaemonProcess(t, vda(), args, 'ignore')
    t.equal(await daemon.exit(), 1)
    t.match(daemon.err, /^doublehop vda: .*nonsense.*\n {2}DH_USAGE · /)
  }
})

t.test('a port that is taken ends it, whatever it had opened before', async (t) => {
  const first = new DaemonProcess(t, vda())
  const taken = `127.0.0.1:${await first.port()}`
  const section = `vda:\n  admin: "127.0.0.1:0"\n  apps:\n    - { name: echo, kind: echo, listenCgp: "127.0.0.1:0", listenIca: "${taken}" }\n`
  const second = new DaemonProcess(t, section, [], 'ignore')
  t.equal(await second.exit(), 78)
  t.match(second.err, /the port is taken/)
})

t.test('--help says how it is called', async (t) => {
  const daemon = new DaemonProcess(t, vda(), ['--help'], 'ignore')
  t.equal(await daemon.exit(), 0)
  t.match(daemon.out, /^doublehop-vda \[--config FILE\]/)
})

async function refuses(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, '127.0.0.1')
  socket.on('connect', () => resolve(false)).on('error', () => resolve(true))
  const refused = await promise
  socket.destroy()
  return refused
}
