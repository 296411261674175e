import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { logTo, openLog } from '@doublehop/daemon/log'
import { Secret } from '@doublehop/settings/secret'
import { parseTicket } from '@doublehop/wire/ticket'
import t from 'tap'

const HEX = '6C0EE48D2E8CADFEE6D1EB93BFB52A57'

/** Runs a script that has `log`, in a process of its own. */
function script(body: string, file?: string): string[] {
  const options = JSON.stringify({ name: 'gateway', level: 'info', ...(file && { file }) })
  const module = JSON.stringify(import.meta.resolve('@doublehop/daemon/log'))
  return [
    '--input-type=module',
    '-e',
    `import { openLog } from ${module}\nconst log = openLog(${options})\n${body}`,
  ]
}

t.test('a line says when, who, how bad and what', async (t) => {
  const lines: string[] = []
  const log = logTo('gateway', (line) => void lines.push(line))
  log.warn({ event: 'launch-failed', code: 'DH_TICKET_USED' }, 'the ticket was used')
  log.child({ session: 'abc' }).info('opened')
  t.match(
    lines.map((line) => JSON.parse(line)),
    [
      {
        daemon: 'gateway',
        level: 'warn',
        event: 'launch-failed',
        code: 'DH_TICKET_USED',
        msg: 'the ticket was used',
        time: /^\d{4}-\d\d-\d\dT.*Z$/,
      },
      { daemon: 'gateway', level: 'info', session: 'abc', msg: 'opened' },
    ],
  )
  t.ok(lines.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1))
})

t.test('nothing that is secret stands in a line, wherever in it', async (t) => {
  const lines: string[] = []
  const log = logTo('gateway', (line) => void lines.push(line))
  const ticket = parseTicket(`;40;STA475DE9C8ABDA;${HEX}`)
  process.env.SERVICE_KEY_OF_A_TEST = 'the key itself'
  const key = new Secret('env:SERVICE_KEY_OF_A_TEST', '/')
  log.info({ ticket, deep: { down: [{ ticket, key }] }, key }, `launch with ${ticket} and ${key}`)
  t.equal(key.reveal('test'), 'the key itself')
  t.notMatch(lines.join(), /the key itself|8D2E8CAD/)
  t.match(lines.join(), /6C0E…/)
})

t.test('a stranger’s text cannot begin a line or move a cursor', async (t) => {
  const lines: string[] = []
  logTo('gateway', (line) => void lines.push(line)).info(
    { name: 'x\n{"level":"info"}\r\x1b[2J' },
    'a\nb\x1b[1m',
  )
  t.equal(lines.length, 1)
  t.notMatch(lines[0]?.trimEnd(), /\p{Cc}/u)
})

t.test('every line is there when the process ends, however it ends', async (t) => {
  const many = 'for (let n = 0; n < 5000; n++) log.info({ n }, "x".repeat(100))\n'
  const ends = {
    'process.exit': 'process.exit(0)',
    'an uncaught error': 'throw new Error("on purpose")',
    SIGKILL: 'process.kill(process.pid, "SIGKILL")',
  }
  for (const [how, end] of Object.entries(ends)) {
    t.test(`by ${how}, into a pipe`, async (t) => {
      const { stdout } = spawnSync(process.execPath, script(many + end), {
        encoding: 'utf8',
        maxBuffer: 1e8,
      })
      t.equal(lastLine(stdout).n, 4999)
    })
    t.test(`by ${how}, into a file`, async (t) => {
      const file = join(t.testdir(), 'gateway.log')
      spawnSync(process.execPath, script(many + end, file))
      t.equal(lastLine(readFileSync(file, 'utf8')).n, 4999)
    })
  }

  t.test('also when whoever reads them is slow', async (t) => {
    const child = spawn(process.execPath, script(`${many}process.exit(0)`), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const chunks: Buffer[] = []
    await new Promise((resolve) => setTimeout(resolve, 300))
    for await (const chunk of child.stdout) chunks.push(chunk as Buffer)
    const lines = Buffer.concat(chunks).toString().trimEnd().split('\n')
    t.equal(lines.length, 5000)
    t.equal(lastLine(lines.join('\n')).n, 4999)
  })

  t.test('one whose reader has gone does not end for it', async (t) => {
    const body = `process.stdin.on('end', () => { log.info('unheard'); log.info('unheard'); process.stderr.write('alive') }).resume()`
    const child = spawn(process.execPath, script(body), { stdio: ['pipe', 'pipe', 'pipe'] })
    child.stdout.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    child.stdin.end()
    let said = ''
    for await (const chunk of child.stderr) said += chunk
    t.match(said, /alive/)
  })
})

t.test('a file is appended to, made where it is missing, and nobody else’s to read', async (t) => {
  const folder = t.testdir()
  const file = join(folder, 'not/yet/there/gateway.log')
  openLog({ name: 'gateway', level: 'info', file }).info('one')
  openLog({ name: 'gateway', level: 'info', file }).info('two')
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  t.same(
    lines.map((line) => JSON.parse(line).msg),
    ['one', 'two'],
  )
  t.equal(statSync(file).mode & 0o007, 0)
})

t.test('a file that cannot be opened is a configuration error', async (t) => {
  const folder = t.testdir()
  mkdirSync(join(folder, 'a-folder'))
  writeFileSync(join(folder, 'a-file'), '')
  for (const file of [join(folder, 'a-folder'), join(folder, 'a-file/gateway.log')]) {
    t.throws(() => openLog({ name: 'gateway', level: 'info', file }), {
      code: 'DH_CONFIG',
      details: { file, path: 'log.file' },
    })
  }
})

t.test('a full disk costs lines, and says so once; the daemon goes on', async (t) => {
  const folder = t.testdir()
  const file = join(folder, 'gateway.log')
  symlinkSync('/dev/full', file)
  const body = `
    import { renameSync, writeFileSync } from 'node:fs'
    import { reopenFiles } from ${JSON.stringify(import.meta.resolve('@doublehop/daemon/log'))}
    for (let n = 0; n < 3; n++) log.info('lost')
    renameSync(${JSON.stringify(file)}, ${JSON.stringify(`${file}.1`)})
    reopenFiles()
    log.info('kept')`
  const { status, stderr } = spawnSync(process.execPath, script(body, file), { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.same(stderr.trimEnd().split('\n'), [
    `doublehop: ${file} cannot be written (ENOSPC), its lines are lost until it can`,
    `doublehop: ${file} is written again, 3 lines were lost`,
  ])
  t.match(lastLine(readFileSync(file, 'utf8')), { msg: 'kept' })
})

t.test('nor does a full disk behind standard output end it', async (t) => {
  const full = openSync('/dev/full', 'w')
  const body = `for (let n = 0; n < 5000; n++) log.info({ n }, 'x'.repeat(1000))
    console.error(process.memoryUsage().heapUsed < 100e6 ? 'alive' : 'keeps it all')`
  const { status, stderr } = spawnSync(process.execPath, script(body), {
    encoding: 'utf8',
    stdio: ['ignore', full, 'pipe'],
  })
  closeSync(full)
  t.match({ status, stderr }, { status: 0, stderr: /alive/ })
})

t.test('files that cannot be opened anew stay open, and may be opened later', async (t) => {
  const folder = t.testdir()
  const file = join(folder, 'logs/gateway.log')
  const body = `
    import { rmSync, renameSync, writeFileSync } from 'node:fs'
    import { reopenFiles } from ${JSON.stringify(import.meta.resolve('@doublehop/daemon/log'))}
    const logs = ${JSON.stringify(join(folder, 'logs'))}
    renameSync(logs, logs + '.1')
    writeFileSync(logs, 'in the way')
    try { reopenFiles() } catch (error) { console.error(error.code) }
    log.info('still there')
    rmSync(logs)
    reopenFiles()
    log.info('anew')`
  const { status, stderr } = spawnSync(process.execPath, script(body, file), { encoding: 'utf8' })
  t.match({ status, stderr }, { status: 0, stderr: 'DH_CONFIG\n' })
  const before = readFileSync(join(folder, 'logs.1/gateway.log'), 'utf8')
  t.match(lastLine(before), { msg: 'still there' })
  t.match(lastLine(readFileSync(file, 'utf8')), { msg: 'anew' })
})

t.test('says no more than it is asked to', async (t) => {
  const file = join(t.testdir(), 'gateway.log')
  const log = openLog({ name: 'gateway', level: 'warn', file })
  log.info('quiet')
  log.debug('quiet')
  log.warn('loud')
  t.equal(readFileSync(file, 'utf8').trimEnd().split('\n').length, 1)
})

function lastLine(text: string): { n?: number } {
  return JSON.parse(text.trimEnd().split('\n').at(-1) ?? '{}')
}
