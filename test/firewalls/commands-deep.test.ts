import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkResult, listenResult } from '@doublehop/firewall/check/result'
import t from 'tap'
import { Commands } from '../kit/commands.ts'
import { cannotIsolate, IsolatedWorld } from '../kit/isolated-world.ts'

t.setTimeout(180_000)

t.test('what a port test cannot see', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const world = await IsolatedWorld.up(t)
  const { routers } = world
  const commands = new Commands(t, world)
  const file = (name: string): string => join(world.folder, name)
  const DEEP = ['--deep', '--idle-max', '4', '--timeout', '1', '--format', 'json'] as const
  const deep = (id: string) => commands.at('gateway', 'check', ...DEEP, '--only', id)

  await t.test('trace names the step that a rule stopped, and its firewall', async (t) => {
    await routers.drop('proxy-vda-2598')
    const launch = await commands.at('internet', 'launch', '--app', 'echo')
    t.not(launch.code, 0)
    const session = world.log('gateway').findLast(({ step }) => step === 1)?.session
    const table = await commands.outside(['trace', String(session)])
    t.equal(table.code, 0)
    t.match(table.out, /stopped in step 6 dial: .*\n.*\n +firewall 3 between proxy and vda: /)
    const json = await commands.outside(['trace', String(session), '--format', 'json'])
    t.match(JSON.parse(json.out).sessions, [
      { stop: { step: 6, between: { from: 'proxy', to: 'vda' } } },
    ])
    await routers.reset()
  })

  await t.test('where a daemon answers, nothing is tried, and the reason is told', async (t) => {
    const { code, out } = await deep('gateway-storefront-8444')
    t.equal(code, 0)
    const note = 'a daemon answers at 10.3.0.3:8444: stop it, and run doublehop listen --zone dmz2'
    t.match(checkResult.parse(JSON.parse(out)).deep, [{ tests: [], note }])
  })

  await world.stop('proxy')
  const listen = ['--zone', 'dmz2', '--at', '10.3.0.2', '--format', 'json'] as const
  const listening = commands.begin('proxy', 'listen', ...listen)
  await listening.says(/listening at/)

  await t.test('listen in the place of a daemon is met by five tests', async (t) => {
    const { code, out, err } = await deep('gateway-proxy-1080')
    t.equal(code, 0)
    t.equal(err, 'doublehop: looking deep takes up to 4 s and a little\n')
    const { deep: found, paths } = checkResult.parse(JSON.parse(out))
    t.same(
      found?.flatMap(({ tests }) => tests.map(({ test, result }) => `${test} ${result}`)),
      ['idle pass', 'mtu pass', 'half-close pass', 'bytes pass', 'rate pass'],
      JSON.stringify(found),
    )
    t.match(paths, [{ verdict: 'SKIP', note: 'doublehop listen leads nowhere' }])
  })

  await t.test('an MTU hole is a finding, in JSON and in the report', async (t) => {
    await routers.mtu(1400)
    const { code, out } = await deep('gateway-proxy-1080')
    await routers.reset()
    t.equal(code, 1)
    const { deep: found, findings } = checkResult.parse(JSON.parse(out))
    const mtu = found?.flatMap(({ tests }) => tests).find(({ test }) => test === 'mtu')
    t.match(mtu, { result: 'fail', code: 'DH_FW_MTU', packetBytes: { up: 1400, down: 1400 } })
    t.match(findings, [{ code: 'DH_FW_MTU', level: 'blocked', firewalls: [2] }])
    t.equal(findings.length, 1, 'and nothing that only follows from it')

    const heard = await listening.stop('SIGINT')
    t.equal(heard.code, 0)
    const { arrivals } = listenResult.parse(JSON.parse(String(heard.stdout)))
    t.ok(arrivals.some(({ at, from }) => at === '10.3.0.2:1080' && from.startsWith('10.2.0.2:')))

    const files = [file('deep.json'), file('heard.json')] as const
    writeFileSync(files[0], out)
    writeFileSync(files[1], heard.stdout)
    const html = file('deep.html')
    const report = await commands.fed('gateway', '', 'report', ...files, '--html', html)
    t.equal(report.code, 1)
    t.match(report.out, /^DH_FW_MTU {2}firewall 2: .* loses packets of more than 1400 bytes/m)
    t.match(report.out, /└ deep {2}idle ✓ mtu ✗ half-close ✓ bytes – rate ✓\n/)
    t.match(report.out, /0 blocked, 1 deep test failed, 1 as it must be/)
    t.match(readFileSync(html, 'utf8'), /Beyond open ports[\s\S]*more than 1400 bytes/)
    t.same(commands.secretsIn(readFileSync(html, 'utf8'), String(heard.stdout)), [])
  })
})
