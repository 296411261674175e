import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkResult } from '@doublehop/firewall/check/result'
import { child, readXml } from '@doublehop/wire/xml'
import t from 'tap'
import { Parser } from 'tap-parser'
import { readExposition } from '../../packages/firewall/test/formats/exposition.ts'
import { Commands } from '../kit/commands.ts'
import { cannotIsolate, IsolatedWorld } from '../kit/isolated-world.ts'
import { until } from '../kit/wait.ts'

t.setTimeout(180_000)

const BROKEN = 'gateway-storefront-8444'

t.test('what check prints', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const world = await IsolatedWorld.up(t)
  const { routers } = world
  const commands = new Commands(t, world)
  const SOON = ['--timeout', '1'] as const
  const TWO = ['--only', 'gateway-proxy-1080', BROKEN] as const
  const before = join(world.folder, 'before.json')

  await t.test('the whole lab at once, as a list of results', async (t) => {
    const { code, out, err } = await commands.outside(['check', '--format', 'json', ...SOON])
    t.equal(code, 0)
    t.equal(err, '', 'nobody is told of progress where nobody watches')
    const results = (JSON.parse(out) as unknown[]).map((one) => checkResult.parse(one))
    t.equal(results.length, 8)
    writeFileSync(before, out)
  })

  await t.test('each format is one, and says the same', async (t) => {
    await routers.drop(BROKEN)
    const said = async (format: string): Promise<string> => {
      const ended = await commands.at('gateway', 'check', ...TWO, ...SOON, '--format', format)
      t.same([ended.code, ended.err], [1, ''], format)
      return ended.out
    }
    const formats = ['json', 'jsonl', 'tap', 'junit', 'prometheus'] as const
    const [json = '', jsonl = '', tap = '', junit = '', prometheus = ''] = await Promise.all(
      formats.map(said),
    )
    const { rows, findings } = checkResult.parse(JSON.parse(json))
    t.same(
      rows.map(({ flow, observed }) => `${flow.id} ${observed}`),
      ['gateway-proxy-1080 open', `${BROKEN} filtered`],
    )
    t.match(findings, [{ code: 'DH_FW_FILTERED', firewalls: [2] }])

    const lines = jsonl.trim().split('\n')
    t.same(
      lines.map((line) => JSON.parse(line).kind).filter((kind) => kind !== 'session'),
      ['check', 'row', 'row', 'path', 'finding'],
    )
    const events = Parser.parse(tap, { strict: true })
    const points = events.flatMap(([kind, point]) => (kind === 'assert' ? [point] : []))
    t.match(points, [{ ok: true }, { ok: false, diag: { code: 'DH_FW_FILTERED' } }, { ok: true }])
    t.notOk(events.some(([kind]) => kind === 'extra'))

    const suite = child(readXml(junit, { root: 'testsuites', system: '' }), 'testsuite')
    t.match(suite?.attributes, { name: 'zone dmz1', tests: '3', failures: '1', errors: '0' })

    const { doublehop_check_flow_ok: ok } = readExposition(prometheus)
    t.same(
      ok?.samples.map(({ labels, value }) => [labels.flow, value]),
      [
        ['gateway-proxy-1080', 1],
        [BROKEN, 0],
      ],
    )
    await routers.reset()
  })

  await t.test('against a baseline it tells what has changed, and nothing else', async (t) => {
    const compare = (...more: string[]) =>
      commands.outside(['check', '--zone', 'dmz1', '--baseline', before, ...SOON, ...more])
    await routers.drop(BROKEN)
    const { code, out } = await compare()
    t.equal(code, 1)
    t.match(changes(out), [new RegExp(`^${BROKEN} +open PASS +filtered BLOCKED$`)])
    t.equal(changes(out).length, 1)
    const json = await compare('--format', 'json')
    t.equal(checkResult.parse(JSON.parse(json.out)).zone, 'dmz1', 'data stays data')
    t.equal(changes(json.err).length, 1, 'and people learn it beside that')
    await routers.reset()
    t.match((await compare()).out, /\nnothing has changed\n$/)
  })

  await t.test(
    'watching, it tells each change, and Ctrl-C ends it with the last verdict',
    async (t) => {
      const watch = ['--watch', '200ms', '--only', BROKEN, ...SOON] as const
      const watching = commands.begin('gateway', 'check', ...watch)
      await watching.says(/1 as it must be/)
      await watching.says(/\nnothing has changed\n/)
      await routers.drop(BROKEN)
      await watching.says(new RegExp(`\\nCHANGED .*\\n${BROKEN} +open PASS +filtered BLOCKED\\n`))
      watching.signal('SIGINT')
      const { code, signal, stderr } = await watching.ended
      t.same([code, signal, stderr], [1, null, ''])
      await routers.reset()
    },
  )

  await t.test('ended before it has found anything it has no verdict', async (t) => {
    const long = ['check', '--only', 'gateway-sta-8080', '--timeout', '60s'] as const
    const begun = {
      'on its host': commands.begin('gateway', ...long),
      'in the lab': commands.beginOutside(...long, '--zone', 'dmz1'),
    }
    const dialling = ['ss', '-Htn', 'state', 'syn-sent', 'dst', '10.4.0.2']
    await until(
      () => world.run('gateway', dialling),
      ({ stdout }) => (String(stdout).match(/10\.4\.0\.2:8080/g)?.length ?? 0) >= 2,
      20_000,
    )
    for (const [name, program] of Object.entries(begun)) {
      program.signal('SIGINT')
      const { code, signal, stdout, stderr } = await program.ended
      t.same([code, signal, String(stdout), stderr], [3, null, '', ''], name)
    }
  })

  await t.test('who reads no further ends it, and that is no failure', async (t) => {
    const watching = commands.begin('gateway', 'check', '--watch', '200ms', '--only', BROKEN)
    await watching.says(/1 as it must be/)
    watching.deafen()
    const { code, stderr } = await watching.ended
    t.same([code, stderr], [0, ''])
  })

  await t.test('a ticket goes all the way to the server, and is spent', async (t) => {
    const spend = (config: string, ...args: string[]) =>
      commands.at('gateway', 'check', '--only', 'gateway-proxy-1080', '--config', config, ...args)
    const ticket = await commands.ticket()
    const first = await spend(world.config, '--ticket', ticket)
    t.equal(first.code, 0)
    t.match(first.out, /└ .* PASS {2}the ticket was redeemed and the server reached\n/)
    const again = await spend(world.config, '--ticket', ticket)
    t.equal(again.code, 3)
    t.match(again.out, /└ .* UNKNOWN {2}this ticket was used before/)

    const atProxy = join(world.folder, 'redeem-at-proxy.yaml')
    const text = readFileSync(world.config, 'utf8')
    writeFileSync(atProxy, text.replace(/^gateway:$/m, 'gateway:\n  redeemAt: proxy'))
    const byProxy = await spend(atProxy, '--ticket', await commands.ticket())
    t.equal(byProxy.code, 0)
    t.match(byProxy.out, /└ .* PASS {2}the proxy redeemed the ticket and reached the server\n/)

    const fromEnvironment = await commands.outside(
      ['check', '--only', 'gateway-proxy-1080', '--ticket', '-'],
      { DOUBLEHOP_TICKET: await commands.ticket() },
    )
    t.equal(fromEnvironment.code, 0)
    t.match(fromEnvironment.out, /PASS {2}the ticket was redeemed and the server reached/)
    t.same(commands.secretsIn(), [])
  })

  await t.test('a server that the proxy cannot reach is another zone’s to find', async (t) => {
    const blocked = 'proxy-vda-2598'
    const tickets = [await commands.ticket(), await commands.ticket(), await commands.ticket()]
    await routers.drop(blocked)
    await routers.cut(blocked)
    const json = ['--format', 'json', ...SOON] as const
    const way = ['check', '--only', 'gateway-proxy-1080'] as const
    const atProxy = ['--config', join(world.folder, 'redeem-at-proxy.yaml')] as const
    const [alone, withTicket, byProxy, withoutTicket, dmz2] = await Promise.all([
      commands.at('gateway', ...way, '--ticket', tickets[0] ?? '', ...SOON),
      commands.at('gateway', ...way, '--ticket', tickets[1] ?? '', ...json),
      commands.at('gateway', ...way, '--ticket', tickets[2] ?? '', ...atProxy, ...json),
      commands.at('gateway', ...way, ...json),
      commands.at('proxy', 'check', '--zone', 'dmz2', ...json),
    ])
    await routers.reset()
    t.equal(alone.code, 3)
    t.match(alone.out, /└ gateway → proxy → STA01 {2}UNKNOWN {2}.*see zone dmz2\n/)
    t.same(
      [withTicket, byProxy, withoutTicket, dmz2].map(({ code }) => code),
      [3, 3, 0, 1],
    )

    const report = async (dmz1: string) => {
      const files = Object.entries({ dmz1, dmz2: dmz2.out }).map(([name, text]) => {
        const file = join(world.folder, `${name}-behind.json`)
        writeFileSync(file, text)
        return file
      })
      const html = ['--html', join(world.folder, 'report.html')]
      return await commands.fed('gateway', '', 'report', ...files, ...html)
    }
    for (const { out } of [withTicket, byProxy]) {
      const told = await report(out)
      t.equal(told.code, 1)
      t.match(told.out, /└ gateway → proxy → STA01 {2}SKIP {2}follows from proxy-vda-2598/)
      t.match(told.out, /^DH_FW_FILTERED {2}firewall 3: allow tcp 10\.3\.0\.2 → 10\.4\.0\.3:2598/m)
      t.equal(told.out.match(/^DH_FW_/gm)?.length, 1, 'the way is no finding of its own')
    }

    const short = await report(withoutTicket.out)
    t.equal(short.code, 1)
    t.match(short.out, /└ gateway → proxy → STA01 {2}PASS/, 'without a ticket it ends at the STA')
    t.same(commands.secretsIn(), [])
  })
})

/** The lines of the table of changes. */
function changes(text: string): string[] {
  const [, table = ''] = text.split(/^CHANGED .*\n/m)
  return table.split('\n').filter((line) => line !== '')
}
