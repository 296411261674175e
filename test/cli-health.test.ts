import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type Ended, Program } from './kit/foreign.ts'
import { temporaryFolder } from './kit/house.ts'
import { doublehop, LAB_DAEMONS, Lab } from './kit/lab.ts'
import { toolPath } from './kit/tools.ts'
import { until } from './kit/wait.ts'

const COMMAND = join(import.meta.dirname, '../packages/cli/bin/doublehop.mjs')
const lab = await Lab.up(t)

t.test('health says of every daemon of the lab that it is ready', async (t) => {
  const { code, stdout, stderr } = await lab.run(['health'])
  const lines = LAB_DAEMONS.map((daemon) => `${daemon}: ready\n`)
  t.same([code, String(stdout), stderr], [0, lines.join(''), ''])
})

t.test('health --json tells what /readyz told', async (t) => {
  const { code, stdout } = await lab.run(['health', '--json'])
  t.equal(code, 0)
  const said = JSON.parse(String(stdout)) as Record<string, object>
  t.same(Object.keys(said), LAB_DAEMONS)
  t.match(said.gateway, { ready: true, readyz: { ready: true, nextHops: { proxy: 'up' } } })
})

t.test('in the folder of a doublehop.yaml health, sessions and apps need no flags', async (t) => {
  t.equal((await inFolder(t, lab.folder, 'health')).code, 0)
  const sessions = await inFolder(t, lab.folder, 'sessions')
  t.equal(String(sessions.stdout), 'no session runs at this moment\n')
  t.match(String((await inFolder(t, lab.folder, 'apps')).stdout), /^echo +2598, 1494/m)
})

t.test('a configuration file says whom to ask', async (t) => {
  const file = configuration({ vda: { admin: lab.line.vda.admin } })
  t.same(await health(t, '--config', file), [0, 'vda: ready\n'])
  const { stdout } = await command(t, {}, 'sessions', '--config', file, '--json')
  t.match(JSON.parse(String(stdout)), { vda: { sessions: [] } })
})

t.test('what is wrong elsewhere in the file is for the daemon to say', async (t) => {
  const file = configuration({ vda: { admin: lab.line.vda.admin, colour: 'green' } })
  t.same(await health(t, '--config', file), [0, 'vda: ready\n'])
})

t.test('the environment overrides the file, as it does for the daemon', async (t) => {
  const file = configuration({ vda: { admin: '127.0.0.1:1' } })
  const env = { DOUBLEHOP_VDA_ADMIN: lab.line.vda.admin }
  const { code, stdout } = await command(t, env, 'health', '--config', file)
  t.same([code, String(stdout)], [0, 'vda: ready\n'])
})

t.test('a file that leads to nobody is a wrong configuration', async (t) => {
  const wrong: readonly (readonly [content: object | string, told: RegExp])[] = [
    [{ workspace: { gateway: 'gateway:8443' } }, /the file: it has no daemon: expected one of /],
    [{ vda: { admin: '0.0.0.0:9100' } }, /vda\.admin: expected the loopback address and the port/],
    [{ vda: { admin: '127.0.0.1:0' } }, /vda\.admin: expected the loopback address and the port/],
    ['vda: [', /doublehop\.yaml:\d+: the file: /],
  ]
  for (const [content, told] of wrong) {
    const file = configuration(content)
    const { code, stdout, stderr } = await command(t, {}, 'health', '--config', file)
    t.same([code, String(stdout)], [78, ''], JSON.stringify(content))
    t.match(stderr, told)
  }
  t.equal((await command(t, {}, 'health', '--config', 'no/such.yaml')).code, 78)

  const silent = configuration({ vda: {} })
  t.same(await health(t, '--config', silent), [
    78,
    'vda: not ready, it cannot be asked, its section names no admin listener\n',
  ])
  const { code, stderr } = await command(t, {}, 'sessions', '--config', silent)
  t.equal(code, 78)
  t.match(stderr, /vda\.admin: it is missing, and without it nobody can ask this daemon/)
})

t.test('health tells why a daemon is not ready', async (t) => {
  const answers: readonly (readonly [readyz: object | string, line: string])[] = [
    [{ ready: false, draining: true, nextHops: { one: 'up' } }, 'not ready, it is draining'],
    [
      { ready: false, draining: false, nextHops: { one: 'down', two: 'down' } },
      'not ready, no next hop is up (one, two)',
    ],
    [{ ready: false, store: 'reconnecting' }, 'not ready, its store is not there (reconnecting)'],
    [{ ready: false }, 'not ready, it does not say why'],
  ]
  for (const [readyz, line] of answers) {
    const at = await adminListener(t, readyz)
    t.same(await health(t, '--admin', at), [1, `${at}: ${line}\n`])
  }
  const degraded = { ready: true, nextHops: { one: 'up', two: 'down' }, degraded: ['https://sta/'] }
  const at = await adminListener(t, degraded)
  t.same(await health(t, '--admin', at), [0, `${at}: ready, without next hop two, https://sta/\n`])
})

t.test('health tells what kept it from asking', async (t) => {
  const closed = '127.0.0.1:1'
  const foreign = await adminListener(t, 'a page')
  const other = await adminListener(t, { error: 'here is /metrics' })
  t.same(await health(t, '--admin', closed, foreign, other), [
    1,
    `${closed}: not ready, nothing listens at ${closed}: connection refused\n` +
      `${foreign}: not ready, ${foreign} cannot be reached: what answers there is no admin listener\n` +
      `${other}: not ready, ${other} answers, but not what /readyz says\n`,
  ])
})

t.test('a frozen proxy does not answer, and leaves the gateway without a next hop', async (t) => {
  process.kill(lab.line.proxy.pid, 'SIGSTOP')
  t.teardown(() => process.kill(lab.line.proxy.pid, 'SIGCONT'))
  const [, said] = await until(
    () => health(t, '--state', lab.folder),
    ([, text]) => text.startsWith('gateway: not ready'),
    30_000,
  )
  const [gateway, proxy] = said.split('\n')
  t.equal(gateway, 'gateway: not ready, no next hop is up (proxy)')
  t.equal(proxy, `proxy: not ready, ${lab.line.proxy.admin} did not answer within 3 s`)
  process.kill(lab.line.proxy.pid, 'SIGCONT')
  const back = ([code]: Health) => code === 0
  t.ok(await until(() => health(t, '--state', lab.folder), back, 30_000))
})

t.test('a daemon that waits for its last sessions is not ready', async (t) => {
  const session = lab.start('launch', '--app', 'echo')
  session.say('hello')
  await session.read(5)
  process.kill(lab.line.vda.pid, 'SIGTERM')
  t.same(
    await until(
      () => health(t, '--admin', lab.line.vda.admin),
      ([code]) => code !== 0,
    ),
    [1, `${lab.line.vda.admin}: not ready, it is draining\n`],
  )
  session.hush()
  t.equal((await session.ended).code, 0)
})

t.test('where nothing is configured and no lab runs, health says so', async (t) => {
  const { code, stdout, stderr } = await inFolder(t, temporaryFolder(), 'health')
  t.same([code, String(stdout)], [2, ''])
  t.match(stderr, /^doublehop: no lab is running here: .*\n {2}DH_NO_LAB · /)
  t.equal((await command(t, {}, 'health', '--admin', 'nonsense')).code, 2)
  t.equal((await command(t, {}, 'health', '--admin', '[::1]:1', '--config', 'a.yaml')).code, 2)
})

type Health = readonly [code: number | null, said: string]

async function health(t: Test, ...args: readonly string[]): Promise<Health> {
  const { code, stdout } = await command(t, {}, 'health', ...args)
  return [code, String(stdout)]
}

function command(
  t: Test,
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Ended> {
  const program = doublehop(t, args, { env })
  program.hush()
  return program.ended
}

function inFolder(t: Test, folder: string, ...args: readonly string[]): Promise<Ended> {
  const there = ['-C', folder, process.execPath, COMMAND, ...args]
  const program = new Program(t, toolPath('env'), there)
  program.hush()
  return program.ended
}

function configuration(content: object | string): string {
  const file = join(temporaryFolder(), 'doublehop.yaml')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

/** Something that answers every request with this. @returns its `address:port` */
async function adminListener(t: Test, body: object | string): Promise<string> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const server = createServer((_, response) => void response.end(text)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}
