import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import { stripVTControlCharacters } from 'node:util'
import { STEPS } from '@doublehop/daemon/steps'
import t, { type Test } from 'tap'
import { askAdmin } from './kit/ask-admin.ts'
import { cpuSeconds } from './kit/cpu-seconds.ts'
import { temporaryFolder } from './kit/house.ts'
import { doublehop, isAlive, LAB_DAEMONS, Lab, startLab } from './kit/lab.ts'
import { until } from './kit/wait.ts'

t.test('doublehop up --json prints one line when it is ready', async (t) => {
  const lab = await Lab.up(t)
  const place = { host: '127.0.0.1', port: Number, admin: /^127\.0\.0\.1:\d+$/, pid: Number }
  t.match(lab.line, {
    ready: true,
    ca: `${lab.folder}/certs/workspace/ca.crt`,
    token: String,
    config: String,
  })
  t.same(Object.keys(lab.line), ['ready', ...LAB_DAEMONS, 'ca', 'token', 'config', 'pid'])
  for (const daemon of LAB_DAEMONS) t.match(lab.line[daemon], place)
  t.equal(lab.line.sta.url, `https://127.0.0.1:${lab.line.sta.port}`)
  t.match(lab.line.vda.apps, {
    echo: { cgp: lab.line.vda.port, ica: Number },
    source: { cgp: Number },
  })
  t.same(lab.remembered, lab.line, 'other commands find the same in its folder')

  t.test('five processes of their own, each with its admin listener', async (t) => {
    const pids = LAB_DAEMONS.map((daemon) => lab.line[daemon].pid)
    t.equal(new Set([...pids, lab.program.pid]).size, 6)
    for (const daemon of LAB_DAEMONS) {
      t.ok(isAlive(lab.line[daemon].pid))
      t.equal((await askAdmin(lab.line[daemon].admin, '/healthz')).status, 200, daemon)
    }
  })

  t.test('a second one in the same folder is refused, and does no harm', async (t) => {
    const { code, stderr } = await startLab(t, lab.folder, ['--json']).ended
    t.not(code, 0)
    t.match(stderr, /DH_LAB_RUNNING/)
    t.same(lab.remembered, lab.line)
    await launches(t, lab)
  })

  t.test('whatever is killed is started again where it was, and launches go on', async (t) => {
    for (const killed of [['gateway'], LAB_DAEMONS] as const) {
      const before = lab.remembered
      for (const daemon of killed) process.kill(before?.[daemon].pid ?? 0, 'SIGKILL')
      for (const daemon of killed) {
        const [, pid] = await until(
          () => noticesOf(lab, daemon).at(-1) ?? [],
          ([, pid]) => pid !== undefined && pid !== String(before?.[daemon].pid),
          15_000,
        )
        const back = await until(
          () => lab.remembered?.[daemon],
          (now) => now?.pid === Number(pid),
        )
        t.same(
          back,
          { ...before?.[daemon], pid: Number(pid) },
          `the ${daemon} listens where it did`,
        )
      }
      await launches(t, lab)
    }
  })

  t.test('the next start keeps the certificates and is quick', async (t) => {
    const pids = LAB_DAEMONS.map((daemon) => lab.remembered?.[daemon].pid ?? 0)
    t.equal((await lab.program.stop('SIGINT')).code, 0)
    t.same(pids.filter(isAlive), [], 'no daemon is left')
    t.equal(lab.remembered, undefined)

    const since = performance.now()
    const again = await Lab.up(t, lab.folder)
    const seconds = (performance.now() - since) / 1000
    const state = again.remembered
    const cpu = cpuSeconds([
      again.program.pid,
      ...LAB_DAEMONS.map((name) => state?.[name].pid ?? 0),
    ])
    t.comment(`ready after ${seconds.toFixed(2)} s, ${cpu?.toFixed(2)} s of CPU`)
    // Three seconds on two idle cores. On busy ones only the work tells, of which there are two seconds.
    t.ok((cpu ?? seconds) < 4)
    await launches(t, again)
  })
})

t.test(
  'doublehop up shows where everything is, the nine steps, and that it is ready',
  async (t) => {
    const folder = temporaryFolder()
    const program = startLab(t, folder, [])
    const shown = stripVTControlCharacters(String(await program.readThrough('ends the lab.\n')))
    t.match(shown, /^doublehop lab · zones on loopback/)
    for (const daemon of LAB_DAEMONS)
      t.match(shown, new RegExp(`^  ${daemon} +(https://)?127\\.0\\.0\\.1:\\d+ `, 'm'))
    t.match(shown, /^ {2}session [0-9a-f]{32}$/m)
    const steps = shown
      .split('\n')
      .flatMap((line) => /^ {2}(\d) (\S+) .* (\d+\.\d) ms$/.exec(line)?.slice(1, 3).join(' ') ?? [])
    t.same(
      steps,
      STEPS.map((name, index) => `${index + 1} ${name}`),
    )
    t.match(shown, /9 splice .* 1\.0 MB each way, identical/)
    t.match(shown, /\nready\. Try: {2}npx doublehop launch --app echo --steps/)
    t.notMatch(shown, /;\d\d;STA\w+;[0-9A-F]{30}/, 'no ticket is shown')

    const { code, stdout } = await program.stop('SIGINT')
    t.equal(code, 0)
    t.match(String(stdout), /stopping …\nstopped, every session had ended\n$/)
  },
)

t.test('SIGINT lets a session end by itself', async (t) => {
  const lab = await Lab.up(t)
  const session = await openSession(lab)
  lab.program.signal('SIGINT')
  await until(
    () => askAdmin(lab.line.gateway.admin, '/readyz').then(({ status }) => status),
    (status) => status === 503,
  )
  session.say('still here\n')
  t.same(await session.readThrough('\n'), Buffer.from('still here\n'))
  session.hush()
  t.equal((await session.ended).code, 0)
  t.match(await lab.program.ended, { code: 0, signal: null })
  t.same(
    LAB_DAEMONS.filter((daemon) => isAlive(lab.line[daemon].pid)),
    [],
  )
})

t.test('a second SIGINT does not wait for it', async (t) => {
  const lab = await Lab.up(t)
  const session = await openSession(lab)
  lab.program.signal('SIGINT')
  await until(
    () => askAdmin(lab.line.gateway.admin, '/readyz').then(({ status }) => status),
    (status) => status === 503,
  )
  lab.program.signal('SIGINT')
  await lab.program.ended
  await until(
    () => LAB_DAEMONS.filter((daemon) => isAlive(lab.line[daemon].pid)),
    (left) => left.length === 0,
  )
  t.equal((await session.ended).code, 1, 'the session was cut')
})

t.test('a lab whose port is taken says so in one line, and leaves nothing behind', async (t) => {
  // One of the usual ports; where somebody else has it, it is taken all the same.
  const server = createServer().on('error', () => {})
  await new Promise<void>(
    (resolve) => void server.listen(8443, '127.0.0.1', resolve).once('error', () => resolve()),
  )
  t.teardown(() => server.close())
  const folder = temporaryFolder()
  const program = doublehop(t, ['up', '--json', '--state', folder, '--certs', `${folder}/certs`])
  const { code, stdout, stderr } = await program.ended
  t.equal(code, 1)
  t.equal(String(stdout), '')
  const [first, second, ...more] = stderr.trimEnd().split('\n')
  t.match(
    first,
    /^doublehop: the \w+ did not start: doublehop \w+: cannot listen on 127\.0\.0\.1:\d+: the port is taken \(exit code 78\)$/,
  )
  t.match(second, /^ {2}DH_LAB_DAEMON · read its log: .*\.log$/)
  t.same(more, [])
})

/** What the lab has said of a daemon that died and is back: the pause, and its new pid. */
function noticesOf({ program }: Lab, daemon: string): [pause: string, pid: string][] {
  const died = `^doublehop: ${daemon} died \\(SIGKILL\\); starting it again in ([\\d.]+) s, its log: .*/${daemon}\\.log$`
  const back = `^doublehop: ${daemon} is back, pid (\\d+)$`
  const notices = program.stderr.matchAll(new RegExp(`${died}[^]*?${back}`, 'gm'))
  return [...notices].map(([, pause = '', pid = '']) => [pause, pid])
}

/** A session of echo through the lab that is open. */
async function openSession(lab: Lab) {
  const session = lab.start('launch', '--app', 'echo')
  session.say('hello\n')
  await session.readThrough('\n')
  return session
}

async function launches(t: Test, lab: Lab): Promise<void> {
  const bytes = randomBytes(100_000)
  const { code, stdout, stderr } = await lab.run(['launch', '--app', 'echo'], bytes)
  t.equal(code, 0, stderr)
  t.ok(stdout.equals(bytes))
}
