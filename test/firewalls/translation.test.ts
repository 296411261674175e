import { readFileSync, writeFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { checkResult, listenResult } from '@doublehop/firewall/check/result'
import { join } from '@doublehop/firewall/report/join'
import { reportPage } from '@doublehop/firewall/report/page'
import t from 'tap'
import { Commands } from '../kit/commands.ts'
import { FirewallMatrix } from '../kit/firewall-matrix.ts'
import { cannotIsolate, DOUBLEHOP } from '../kit/isolated-world.ts'
import { found } from '../kit/zone-agents.ts'

t.setTimeout(180_000)

t.test('what only the far end can tell', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const { world, agents } = await FirewallMatrix.up(t, 4)
  const { routers, config } = world
  const commands = new Commands(t, world)

  await t.test('an answer that is lost is told from a question that never came', async (t) => {
    await routers.mute('gateway-proxy-1080')
    const listening = world.start('proxy', [
      ...[...DOUBLEHOP, 'listen', '--zone', 'dmz2', '--config', config, '--format', 'json'],
      '--for',
      '4',
    ])
    await listening.says(/10\.3\.0\.2/)
    const alone = await agents.check()
    t.same(found(alone), ['DH_FW_FILTERED 2 gateway-proxy-1080'], 'without it nobody can tell')
    const { stdout } = await listening.ended
    const heard = listenResult.parse(JSON.parse(String(stdout)))
    t.same(found(join(alone.zones, [heard])), ['DH_FW_ANSWER_LOST 2 gateway-proxy-1080'])
    await routers.reset()
  })

  await t.test('checks and reports show the address that the proxy saw', async (t) => {
    await routers.snat(2, world.address('gateway'))
    const launch = world.start('internet', [
      ...[...DOUBLEHOP, 'launch', '--app', 'echo', '--config', config],
    ])
    launch.say('held open\n')
    await launch.says(/held open/)
    const joined = await agents.check()
    t.same(found(joined), ['DH_FW_NAT 2 gateway-proxy-1080'])
    const sentence =
      'proxy sees 10.3.0.252 where 10.2.0.2 is expected: firewall 2 translates source addresses.'
    t.match(joined.findings, [{ level: 'note', sentence }])
    t.equal(joined.verdict, 'PASS', 'it is a note, and nothing is wrong')
    t.match(reportPage(joined), /10\.3\.0\.252/)

    const check = ['check', '--zone', 'dmz2', '--timeout', '1'] as const
    const { code, out } = await commands.at('proxy', ...check, '--format', 'json')
    t.equal(code, 0)
    const { sessions } = checkResult.parse(JSON.parse(out))
    // Connections that the gateway had opened ahead are still there with its own address.
    const seen = sessions.filter(({ peer }) => peer.startsWith('10.3.0.252:'))
    t.ok(seen.length > 0, 'the launch is there')
    t.ok(seen.every(({ daemon, peerName }) => daemon === 'proxy' && peerName !== undefined))
    const file = joinPath(world.folder, 'dmz2.json')
    const html = joinPath(world.folder, 'report.html')
    writeFileSync(file, out)
    const report = await commands.fed('proxy', '', 'report', file, '--html', html)
    t.equal(report.code, 0, 'a note fails no report')
    t.match(report.out, /^DH_FW_NAT {2}proxy sees 10\.3\.0\.252 where 10\.2\.0\.2 is expected/m)
    t.match(readFileSync(html, 'utf8'), /10\.3\.0\.252/)
    await launch.stop()
    await routers.reset()
  })
})
