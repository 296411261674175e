import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { linesOf, runBin } from '../kit/daemon-process.ts'
import type { Program } from '../kit/foreign.ts'
import { temporaryFolder } from '../kit/house.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { exchange } from '../kit/session.ts'
import { echoOf, openSession } from '../kit/sessions.ts'
import { until } from '../kit/wait.ts'

t.test('two SIGHUPs at once are two reloads, or one, of the last file', async (t) => {
  const house = new HouseToReload(t, ['gateway'])
  const double = await house.doubleHop()
  const program = house.program('gateway')
  house.write('gateway', house.textOf('gateway', { limits: { sessions: 1 } }))
  program.signal('SIGHUP')
  house.write('gateway', house.textOf('gateway'))
  program.signal('SIGHUP')
  await until(
    () => linesOf(program).filter(({ event }) => event === 'reloaded').length,
    (count) => count >= 1,
  )
  t.match(await house.hangUp('gateway', house.textOf('gateway')), { event: 'reloaded' })
  t.same(
    linesOf(program).filter(({ event }) => event === 'reload-refused'),
    [],
  )
  const both = [await openSession(double), await openSession(double)]
  for (const one of both) t.equal(await echoOf(one, 'hello'), 'hello')
  for (const one of both) one.destroy()
})

t.test('a SIGHUP while a daemon starts is answered when it has started', async (t) => {
  // It waits for its file as long as a test likes, when that is a pipe.
  const file = join(temporaryFolder(), 'doublehop.yaml')
  execFileSync('mkfifo', [file])
  const vda = (level: string): string =>
    JSON.stringify({
      vda: {
        log: { level },
        apps: [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }],
      },
    })
  const program = runBin(t, 'vda', ['--config', file])
  const first = await readerOf(file)
  program.signal('SIGHUP')
  first.say(vda('info'))
  await program.says(/"event":"ready"/)
  const second = await readerOf(file)
  second.say(vda('debug'))
  await program.says(/"event":"reloaded"/)
  t.match(eventsOf(program), ['ready', 'reloaded'])
})

t.test('a SIGHUP while a daemon drains changes nothing of that', async (t) => {
  const house = new HouseToReload(t, ['gateway', 'proxy'])
  const double = await house.doubleHop()
  const session = await openSession(double)
  for (const kind of ['gateway', 'proxy'] as const) {
    const program = house.program(kind)
    program.signal('SIGTERM')
    await program.says(/"event":"draining"/)
    t.match(await house.hangUp(kind, house.textOf(kind)), { event: 'reloaded' })
    t.equal(await echoOf(session, 'mine'), 'mine')
  }
  await t.rejects(double.access.dial(), { code: 'DH_DIAL_REFUSED' }, 'nothing new is taken')
  t.equal((await exchange(session, Buffer.from('last'))).toString(), 'last')
  for (const kind of ['gateway', 'proxy'] as const) {
    t.match(await house.program(kind).ended, { code: 0, signal: null })
    t.match(eventsOf(house.program(kind)).at(-1), 'stopped')
  }
})

t.test('a daemon started as `doublehop gateway` reloads just as well', async (t) => {
  const house = new HouseToReload(t, ['vda'], 'doublehop')
  await house.vda()
  t.match(await house.hangUp('vda', house.textOf('vda', { limits: { sessions: 1 } })), {
    event: 'reloaded',
  })
  t.match(await house.hangUp('vda', 'vda: {'), { event: 'reload-refused' })
})

function eventsOf(program: Program): unknown[] {
  return linesOf(program).map(({ event }) => event)
}

/** Waits until somebody reads this pipe. */
async function readerOf(pipe: string): Promise<{ say(text: string): void }> {
  const open = (): number | undefined => {
    try {
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch {
      return undefined // ENXIO: nobody yet
    }
  }
  const file = await until(open, (one) => one !== undefined, 20_000)
  return {
    say(text) {
      writeSync(file as number, text)
      closeSync(file as number)
    },
  }
}
