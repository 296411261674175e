import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { bytesOf } from '@doublehop/wire/text'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import {
  ActivatedHouse,
  activated,
  type CommandOf,
  DOUBLEHOP_COMMAND,
  OLDER_NODE,
  OWN_COMMAND,
  RESTARTED,
} from '../kit/activated-house.ts'
import { linesOf } from '../kit/daemon-process.ts'
import type { Program } from '../kit/foreign.ts'
import { freePort } from '../kit/free-port.ts'
import { temporaryFolder } from '../kit/house.ts'
import { exchange } from '../kit/session.ts'
import { missing } from '../kit/tools.ts'
import { until } from '../kit/wait.ts'

const skip = missing('systemd-socket-activate')

const WAYS: Record<string, CommandOf> = {
  'their own commands': OWN_COMMAND,
  'the doublehop command': DOUBLEHOP_COMMAND,
  'the doublehop command under an older Node': OLDER_NODE,
}

for (const [way, command] of Object.entries(WAYS)) {
  t.test(`gateway and proxy launch when started by ${way} on sockets`, { skip }, async (t) => {
    const house = new ActivatedHouse(t, { gateway: command, proxy: command })
    const { access, ticket, gateway, proxy } = await house.doubleHop()
    const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
    t.same(await exchange(leg, bytesOf('hello')), bytesOf('hello'))
    for (const [kind, daemon] of [
      ['gateway', gateway],
      ['proxy', proxy],
    ] as const) {
      const program = house.program(kind)
      t.equal(readyAt(program).listen, daemon.where(), `the ${kind} says where it listens`)
      t.equal((await program.stop()).code, 0)
    }
  })
}

t.test('clients that come while a gateway restarts are served by the next', { skip }, async (t) => {
  const house = new ActivatedHouse(t, { gateway: RESTARTED })
  const { access, ticket } = await house.doubleHop()
  const program = house.program('gateway')
  const readies = () => String(program.stdout).match(/"event":"ready"/g)?.length ?? 0
  const tickets = await Promise.all(Array.from({ length: 12 }, () => ticket()))
  t.equal(readies(), 1)

  for (const at of [1, 2]) {
    process.kill(pidOf(program), 'SIGTERM')
    await until(
      () => String(program.stdout).match(/"event":"draining"/g)?.length ?? 0,
      (count) => count >= at,
    )
    // Nobody accepts now: the first has stopped, and the second is not there yet.
    const heard = await Promise.all(
      tickets.splice(0, 6).map(async (one) => {
        const { leg } = await launch(access, { ticket: one, port: 2598, protocol: 'socks' })
        return await exchange(leg, bytesOf('hello'))
      }),
    )
    t.same(heard.map(String), Array(6).fill('hello'), 'none was refused, and none was lost')
    t.equal(readies(), at + 1)
  }
  t.match(String(program.stdout), /ended with 0\n/, 'and those before had drained')
})

t.test('a daemon says what is wrong with its sockets', { skip }, async (t) => {
  t.test('one that no listener is for', async (t) => {
    const { code, stderr } = await startOn(t, ['echo.cgp', 'spare'], vda('127.0.0.1:0'))
    t.equal(code, 78)
    t.match(
      stderr,
      /^doublehop vda: the service manager handed over socket spare \(fd 4\): .*\n {2}DH_ACTIVATION/m,
    )
  })

  t.test('one that is open to all, for a listener that is to be on loopback', async (t) => {
    const { code, stderr } = await startOn(t, ['echo.cgp'], vda('127.0.0.1:0'), '0.0.0.0')
    t.equal(code, 78)
    t.match(stderr, /socket echo\.cgp \(fd 3\): it is open at 0\.0\.0\.0:\d+, and the conf/)
  })
})

t.test('every listener may have its socket', { skip }, async (t) => {
  const ports = [await freePort(), await freePort(), await freePort()]
  const sockets = ports.map((port) => ({ host: '127.0.0.1', port }))
  const section = vda('127.0.0.1:0', { listenIca: '127.0.0.1:0' }, { admin: '127.0.0.1:0' })
  const command = OWN_COMMAND('vda', written(section))
  const program = activated(t, sockets, command, {
    names: ['admin', 'echo.ica', 'echo.cgp'],
  })
  await program.says(/Listening on .* as 5/)
  const response = await fetch(`http://127.0.0.1:${ports[0]}/healthz`)
  t.same(await response.json(), { healthy: true })
  await program.says(/"event":"ready".*\n/)
  t.same(readyAt(program), {
    admin: `127.0.0.1:${ports[0]}`,
    'echo.ica': `127.0.0.1:${ports[1]}`,
    'echo.cgp': `127.0.0.1:${ports[2]}`,
  })
  t.equal((await program.stop()).code, 0)
})

function vda(listenCgp: string, more: object = {}, settings: object = {}): object {
  return { vda: { ...settings, apps: [{ name: 'echo', kind: 'echo', listenCgp, ...more }] } }
}

function written(settings: object): string {
  const file = join(temporaryFolder(), 'doublehop.yaml')
  writeFileSync(file, JSON.stringify(settings))
  return file
}

/** Starts a VDA on sockets of these names by connecting to the first, and waits for its end. */
async function startOn(
  t: Test,
  names: readonly string[],
  section: object,
  host = '127.0.0.1',
): Promise<{ code: number | null; stderr: string }> {
  const sockets = await Promise.all(names.map(async () => ({ host, port: await freePort(host) })))
  const program = activated(t, sockets, OWN_COMMAND('vda', written(section)), { names })
  await program.says(new RegExp(`Listening on .* as ${2 + names.length}`))
  const client = connect(sockets[0]?.port ?? 0, '127.0.0.1').on('error', () => {})
  const { code, stderr } = await program.ended
  client.destroy()
  return { code, stderr }
}

/** Where a daemon has said that it listens. */
function readyAt(program: Program): Record<string, string> {
  return linesOf(program).find(({ event }) => event === 'ready')?.at as Record<string, string>
}

/** The process that runs under the one that starts it again and again. */
function pidOf(program: Program): number {
  const begun = [...String(program.stdout).matchAll(/begins as (\d+)/g)]
  return Number(begun.at(-1)?.[1])
}
