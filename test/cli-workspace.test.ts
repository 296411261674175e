import { createHash, randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { STEPS } from '@doublehop/daemon/steps'
import { formatIcaFile } from '@doublehop/wire/ica-file'
import { parseTicket } from '@doublehop/wire/ticket'
import t from 'tap'
import { type Shown, shownBy } from './kit/ask-admin.ts'
import type { Program } from './kit/foreign.ts'
import { Lab } from './kit/lab.ts'
import { until } from './kit/wait.ts'

const lab = await Lab.up(t)
const MEGABYTE = randomBytes(1_000_000)

t.test('apps lists what is published, as a table and as JSON', async (t) => {
  const shown = await lab.run(['apps'])
  t.equal(shown.code, 0)
  const [head, ...rows] = String(shown.stdout).trimEnd().split('\n')
  t.match(head, /^APP +PORTS/)
  t.same(
    rows.map((row) => row.split(/ {2,}/).slice(0, 2)),
    [
      ['echo', '2598, 1494'],
      ['source', '2598'],
      ['sink', '2598'],
      ['clock', '2598'],
    ],
  )
  const { apps } = JSON.parse(String((await lab.run(['apps', '--json'])).stdout)) as {
    apps: { name: string; ports: number[] }[]
  }
  t.same(
    apps.map(({ name, ports }) => [name, ports.join(', ')]),
    rows.map((row) => row.split(/ {2,}/).slice(0, 2)),
  )
})

t.test('ticket prints a ticket, and with --json how long it is good', async (t) => {
  const line = String((await lab.run(['ticket', '--app', 'echo'])).stdout)
  t.equal(line, `${parseTicket(line.trim()).reveal()}\n`)
  const { stdout } = await lab.run(['ticket', '--app', 'echo', '--json'])
  const said = JSON.parse(String(stdout)) as { ticket: string; expires: string }
  t.same(Object.keys(said), ['ticket', 'expires'])
  t.equal(parseTicket(said.ticket).primary.sta, 'STA01')
  const left = Date.parse(said.expires) - Date.now()
  t.ok(left > 60_000 && left <= 90_000, `${left} ms`)
})

t.test('an app that is not published has no ticket', async (t) => {
  const { code, stdout, stderr } = await lab.run(['ticket', '--app', 'no-such-app'])
  t.same([code, String(stdout)], [1, ''])
  t.match(
    stderr,
    /^doublehop: the storefront answered HTTP 404: no app of this name is published: see GET \/apps\n {2}DH_STOREFRONT_ANSWER · /,
  )
})

for (const args of [
  ['--app', 'echo'],
  ['--app', 'echo', '--port', '1494'],
  ['--app', 'echo', '--protocol', 'cgp'],
]) {
  t.test(`launch ${args.join(' ')} joins standard input and output to the app`, async (t) => {
    const { code, stdout, stderr } = await lab.run(['launch', ...args], MEGABYTE)
    t.equal(code, 0)
    t.equal(stderr, '')
    t.ok(stdout.equals(MEGABYTE))
  })
}

t.test(
  'launch --steps shows all nine on standard error, and nothing but the session on standard output',
  async (t) => {
    const { code, stdout, stderr } = await lab.run(['launch', '--app', 'echo', '--steps'], 'hello')
    t.equal(code, 0)
    t.equal(String(stdout), 'hello')
    const [session, ...lines] = stderr.trimEnd().split('\n')
    t.match(session, /^session [0-9a-f]{32}$/)
    t.same(
      lines.slice(0, 9).map((line) => /^ {2}(\d \S+) .* ms$/.exec(line)?.[1]),
      STEPS.map((name, index) => `${index + 1} ${name}`),
    )
    t.match(lines[9], /^session over: 5 bytes up, 5 down, open \d+\.\d s$/)
  },
)

t.test('launch sink tells what it got', async (t) => {
  const { stdout } = await lab.run(['launch', '--app', 'sink'], MEGABYTE)
  t.equal(String(stdout), `1000000 ${createHash('sha256').update(MEGABYTE).digest('hex')}\n`)
})

t.test('launch clock tells the time until its input ends', async (t) => {
  const clock = lab.start('launch', '--app', 'clock')
  const since = Date.now()
  for (const _ of [1, 2]) {
    const time = Date.parse(String(await clock.readThrough('\n')).trim())
    t.ok(Math.abs(time - since) < 30_000)
  }
  clock.hush()
  t.equal((await clock.ended).code, 0)
})

t.test('launch source is a stream that is the same every time', async (t) => {
  const [one, other] = await Promise.all([1, 2].map(() => firstOfSource()))
  t.equal(one?.length, 1_000_000)
  t.ok(one?.equals(other ?? Buffer.of()))
})

t.test('launch ends quietly when nobody reads its output any more', async (t) => {
  const source = lab.start('launch', '--app', 'source')
  await source.read(1000)
  source.deafen()
  const { code, stderr } = await source.ended
  t.same([code, stderr], [0, ''])
})

t.test('launch ends when the server ends, whatever its input does', async (t) => {
  const session = lab.start('launch', '--app', 'echo')
  session.say('hello')
  await session.read(5)
  const shown = await admins()
  for (const { sessions } of Object.values(shown)) t.equal(sessions.length, 1)
  process.kill(lab.line.vda.pid, 'SIGKILL')
  const { code, stderr } = await session.ended
  t.same(
    [code, stderr],
    [0, ''],
    'its host has ended the connection, which is an end like any other',
  )
  await until(
    () => lab.remembered?.vda.pid,
    (pid) => pid !== lab.line.vda.pid,
  )
  await until(
    () => lab.program.stderr,
    (said) => said.includes('vda is back'),
  )
})

t.test('launch --ticket takes a ticket, once', async (t) => {
  const ticket = await lab.ticket()
  const first = await lab.run(['launch', '--ticket', ticket], 'hello')
  t.same([first.code, String(first.stdout)], [0, 'hello'])
  const again = await lab.run(['launch', '--ticket', ticket], 'hello')
  t.same([again.code, String(again.stdout)], [1, ''])
  t.match(again.stderr, /^doublehop: .*denied.*\n {2}DH_SOCKS_DENIED · /)
  t.notMatch(again.stderr, ticket.slice(-32))
})

t.test('launch --ticket - takes it from the environment', async (t) => {
  const program = lab.startWith({ DOUBLEHOP_TICKET: await lab.ticket() }, 'launch', '--ticket', '-')
  program.say('hello')
  program.hush()
  const { code, stdout } = await program.ended
  t.same([code, String(stdout)], [0, 'hello'])
})

for (const [protocol, port] of [
  ['socks', 2598],
  ['cgp', 2598],
  ['socks', 1494],
] as const) {
  t.test(`launch takes an ICA file for ${protocol} on port ${port}`, async (t) => {
    const { gateway } = lab.line
    const file = join(lab.folder, `${protocol}-${port}.ica`)
    writeFileSync(
      file,
      formatIcaFile({
        app: 'echo',
        ticket: parseTicket(await lab.ticket()),
        gateway,
        protocol,
        port,
      }),
    )
    const { code, stdout, stderr } = await lab.run(['launch', file], 'hello')
    t.same([code, String(stdout), stderr], [0, 'hello', ''])
  })
}

t.test('launch wants one way to its ticket', async (t) => {
  const unclear = [[], ['--app', 'echo', '--ticket', ';40;STA01;']]
  for (const { code, stderr } of await Promise.all(
    unclear.map((args) => lab.run(['launch', ...args])),
  )) {
    t.equal(code, 2)
    t.match(stderr, /launch wants one of --app NAME, --ticket TICKET or an ICA file/)
  }
  const { code, stderr } = await lab.run(['launch', join(lab.folder, 'missing.ica')])
  t.equal(code, 2)
  t.match(stderr, /missing\.ica: ENOENT/)
})

t.test('forward gives each connection a session of its own', async (t) => {
  const { forward, port } = await forwarding('--app', 'echo')
  const clients = await Promise.all([1, 2, 3].map(() => connected(port)))
  const texts = clients.map((client, index) => echoed(client, `client ${index}`))
  t.same(await Promise.all(texts), ['client 0', 'client 1', 'client 2'])
  const { gateway, proxy } = await until(admins, ({ proxy }) => proxy.sessions.length === 3)
  const ids = gateway.sessions.map(({ id }) => id)
  t.equal(new Set(ids).size, 3)
  t.same(new Set(proxy.sessions.map(({ id }) => id)), new Set(ids), 'the same at both hops')

  for (const client of clients) client.end()
  await until(
    () => forward.stderr.match(/closed: client-closed, 8 bytes up, 8 down\n/g) ?? [],
    (lines) => lines.length === 3,
  )
  await until(admins, ({ gateway, proxy }) => gateway.sessions.length + proxy.sessions.length === 0)
  t.equal((await forward.stop('SIGINT')).code, 0)
})

t.test('forward to port 1494 passes the greeting of the server on', async (t) => {
  const { port } = await forwarding('--app', 'echo', '--port', '1494')
  const client = await connected(port)
  const [greeting] = (await client.take(1).toArray()) as Buffer[]
  t.same(greeting?.subarray(0, 6), Buffer.from('\x7f\x7fICA\0', 'latin1'))
})

t.test('forward says what failed', async (t) => {
  const { forward, port } = await forwarding('--app', 'no-such-app')
  const client = connect(port, '127.0.0.1')
  client.on('error', () => {})
  await new Promise<void>((resolve) => client.on('close', () => resolve()))
  const failed = /failed: the storefront answered HTTP 404: .* \(DH_STOREFRONT_ANSWER; /
  await forward.says(failed)
  t.match(forward.stderr, failed)
})

t.test('forward listens for others only if they may', async (t) => {
  const remote = ['0.0.0.0:0', '[::]:0', '192.0.2.1:0']
  for (const { code, stderr } of await Promise.all(
    remote.map((on) => lab.run(['forward', '--app', 'echo', '--listen', on])),
  )) {
    t.equal(code, 2)
    t.match(stderr, /is not loopback: .* --allow-remote/)
  }
  const { forward, port } = await forwarding(
    '--app',
    'echo',
    '--listen',
    '0.0.0.0:0',
    '--allow-remote',
  )
  t.equal(await echoed(await connected(port), 'hello'), 'hello')
  await forward.stop('SIGINT')
})

t.test('sessions shows what runs at both hops, with the peer', async (t) => {
  const session = lab.start('launch', '--app', 'echo')
  session.say('hello')
  await session.read(5)
  const { gateway, proxy } = await sessions()
  const [at1] = gateway.sessions
  const [at2] = proxy.sessions
  t.match(at1, {
    id: /^[0-9a-f]{32}$/,
    peer: /^127\.0\.0\.1:\d+$/,
    step: '9 splice',
    bytesUp: 5,
    bytesDown: 5,
  })
  t.match(at2, {
    id: at1?.id,
    peerName: 'gateway',
    server: `127.0.0.1:${lab.line.vda.port}`,
    bytesUp: 5,
    bytesDown: 5,
  })

  const [head, ...rows] = String((await lab.run(['sessions'])).stdout)
    .trimEnd()
    .split('\n')
  t.match(head, /^DAEMON +SESSION +PEER +SERVER +STEP +SINCE +UP +DOWN$/)
  t.equal(rows.length, 2)
  t.match(rows[0], new RegExp(`^gateway +${at1?.id?.slice(0, 8)} +${at1?.peer} `))
  t.match(
    rows[1],
    new RegExp(
      `^proxy +${at1?.id?.slice(0, 8)} +${at2?.peer} \\(gateway\\) +127\\.0\\.0\\.1:${lab.line.vda.port} .* 5 +5$`,
    ),
  )
  session.hush()
  await session.ended
  const over = async () => String((await lab.run(['sessions'])).stdout)
  await until(over, (stdout) => stdout === 'no session runs at this moment\n')
})

t.test('sessions --admin asks other daemons', async (t) => {
  const at = lab.line.vda.admin
  const { stdout } = await lab.run(['sessions', '--admin', at, '--json'])
  t.match(JSON.parse(String(stdout)), { [at]: { sessions: [] } })
})

t.test('where no lab is, commands say so', async (t) => {
  const commands = [
    ['apps'],
    ['ticket', '--app', 'echo'],
    ['sessions'],
    ['launch', '--app', 'echo'],
  ]
  for (const { code, stderr } of await Promise.all(
    commands.map((command) => lab.runWithout(command)),
  )) {
    t.equal(code, 2)
    t.match(
      stderr,
      /^doublehop: no lab is running here: .*\n {2}DH_NO_LAB · start one with: npm start\n$/,
    )
  }
})

t.test('a gateway that is named by flags is used', async (t) => {
  const { gateway, ca, token } = lab.line
  const at = `${gateway.host}:${gateway.port}`
  const { code, stdout } = await lab.runWithout([
    'apps',
    '--json',
    '--gateway',
    at,
    '--ca',
    ca,
    '--token',
    token,
  ])
  t.equal(code, 0)
  t.match(JSON.parse(String(stdout)), { apps: [{ name: 'echo' }] })

  const other = await lab.runWithout([
    'apps',
    '--gateway',
    at,
    '--ca',
    ca,
    '--token',
    token,
    '--server-name',
    'elsewhere.example',
  ])
  t.equal(other.code, 1)
  t.match(other.stderr, /DH_DIAL_TLS/)
  const untrusted = await lab.runWithout(['apps', '--gateway', at, '--token', token])
  t.equal(untrusted.code, 1)
  t.match(untrusted.stderr, /DH_DIAL_TLS/)
})

interface BothHops {
  readonly gateway: Shown
  readonly proxy: Shown
}

/** What the command `sessions --json` says. */
async function sessions(): Promise<BothHops> {
  return JSON.parse(String((await lab.run(['sessions', '--json'])).stdout)) as BothHops
}

/** The same from the admin listeners themselves, to look again and again. */
async function admins(): Promise<BothHops> {
  const { gateway, proxy } = lab.line
  return { gateway: await shownBy(gateway.admin), proxy: await shownBy(proxy.admin) }
}

/** A megabyte of the app `source`. */
async function firstOfSource(): Promise<Buffer> {
  const source = lab.start('launch', '--app', 'source')
  const first = await source.read(1_000_000)
  await source.stop()
  return first
}

async function forwarding(...args: readonly string[]): Promise<{ forward: Program; port: number }> {
  const forward = lab.start(
    'forward',
    '--json',
    ...(args.includes('--listen') ? [] : ['--listen', '0']),
    ...args,
  )
  const line = JSON.parse(String(await forward.readThrough('\n'))) as {
    ready: true
    listen: string
    port: number
  }
  return { forward, port: line.port }
}

async function connected(port: number): Promise<Socket> {
  const client = connect(port, '127.0.0.1')
  t.teardown(() => client.destroy())
  await new Promise<void>((resolve, reject) =>
    client.once('connect', resolve).once('error', reject),
  )
  return client
}

/** What comes back, as long as what was said. */
async function echoed(client: Socket, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  let heard = ''
  client.on('data', (bytes: Buffer) => {
    heard += bytes.toString()
    if (heard.length >= text.length) resolve(heard)
  })
  client.write(text)
  return await promise
}
