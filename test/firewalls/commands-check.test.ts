import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { plan as planFile } from '@doublehop/firewall/check/plan'
import { type CheckResult, checkResult } from '@doublehop/firewall/check/result'
import t from 'tap'
import { Commands } from '../kit/commands.ts'
import { cannotIsolate, IsolatedWorld } from '../kit/isolated-world.ts'

t.setTimeout(180_000)

t.test('check, plan and report on their hosts', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const world = await IsolatedWorld.up(t)
  const { routers } = world
  const commands = new Commands(t, world)
  const SOON = ['--timeout', '1'] as const
  const file = (name: string): string => join(world.folder, name)

  await t.test('the exit code of check is its verdict', async (t) => {
    const only = ['--only', 'gateway-proxy-1080', 'gateway-storefront-8444', 'gateway-vda-2598']
    const code = async () => (await commands.at('gateway', 'check', ...SOON, ...only)).code
    t.equal(await code(), 0, 'all is as it must be')
    await routers.drop('gateway-storefront-8444')
    t.equal(await code(), 1, 'a rule is missing')
    await routers.leak('gateway-vda-2598')
    t.equal(await code(), 2, 'a leak ranks above it')
    await routers.reset()
    await routers.leak('gateway-vda-2598')
    t.equal(await code(), 2, 'a rule too many')
    await routers.reset()
  })

  await t.test('what fails behind the proxy is another zone’s to find', async (t) => {
    await routers.drop('proxy-sta-8080')
    // A connection that the proxy has kept open would still carry it.
    await routers.cut('proxy-sta-8080')
    const json = ['--format', 'json', ...SOON] as const
    const [alone, dmz1, dmz2, storefront] = await Promise.all([
      commands.at('gateway', 'check', '--only', 'gateway-proxy-1080', ...SOON),
      commands.at('gateway', 'check', ...json),
      commands.at('proxy', 'check', '--zone', 'dmz2', ...json),
      commands.at('storefront', 'check', '--zone', 'dmz2', ...json),
    ])
    await routers.reset()
    t.equal(alone.code, 3)
    t.match(alone.out, /└ gateway → proxy → STA01 {2}UNKNOWN {2}.*10\.4\.0\.2.*see zone dmz2\n/)
    t.equal(alone.out.match(/see zone/g)?.length, 1, 'said once')
    t.notMatch(alone.out, /ticket/, 'there was none')
    t.match(alone.out, /, 0 unknown, 1 unknown behind\n$/, 'the last line does not look healthy')
    t.same([dmz1.code, dmz2.code, storefront.code], [3, 1, 0])

    for (const [name, { out }] of Object.entries({ dmz1, dmz2, storefront }))
      writeFileSync(file(`${name}.json`), out)
    const results = ['dmz1', 'dmz2', 'storefront'].map((name) => file(`${name}.json`))
    const html = file('report.html')
    const report = await commands.fed('gateway', '', 'report', ...results, '--html', html)
    t.equal(report.code, 1)
    t.match(report.out, /└ gateway → proxy → STA01 {2}SKIP {2}follows from proxy-sta-8080/)
    t.match(report.out, /^DH_FW_FILTERED {2}firewall 3: allow tcp 10\.3\.0\.2 → 10\.4\.0\.2:8080/m)
    t.match(readFileSync(html, 'utf8'), /proxy-sta-8080/)
  })

  await t.test('rows of other hosts say where they are run', async (t) => {
    const { code, out } = await commands.at('proxy', 'check', '--zone', 'dmz2', ...SOON)
    t.equal(code, 0)
    t.match(out, /^zone dmz2, from 10\.3\.0\.2 · 13 flows /)
    t.match(out, /13 more run on storefront, 10\.3\.0\.3\n/)
    t.match(out, /, 13 not run here\n$/)
  })

  await t.test('left out, the zone is told by the addresses of the host', async (t) => {
    const [vda, router] = await Promise.all([
      commands.at('vda', 'check', ...SOON),
      commands.at('firewall1', 'check', ...SOON),
    ])
    t.equal(vda.code, 0)
    t.match(vda.out, /^zone internal, from 10\.4\.0\.3 /)
    t.equal(router.code, 3)
    t.match(
      router.err,
      /no flow starts from an address of this host \(.*10\.2\.0\.251.*\n {2}DH_FW_NOT_HERE/,
    )
  })

  await t.test('a plan is enough, and tells no more than its probes need', async (t) => {
    const printed = await commands.at('sta', 'plan', '--zone', 'dmz1')
    t.equal(printed.code, 0)
    const { probes, paths, admins } = planFile.parse(JSON.parse(printed.out))
    t.ok(probes.every(({ from, tls }) => from.zone === 'dmz1' && (tls?.key ?? '/').startsWith('/')))
    const needed = new Set(probes.flatMap(({ from, to }) => [from.address, to.address]))
    const told = printed.out.match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? []
    t.same(
      told.filter((address) => !needed.has(address) && address !== '127.0.0.1'),
      [],
      'no address but those that are dialled',
    )
    t.same([paths.length, admins.map(({ daemon }) => daemon)], [1, ['gateway']])
    t.same(commands.secretsIn(), [])

    writeFileSync(file('plan.json'), printed.out)
    const json = ['--format', 'json', ...SOON] as const
    const only = ['--only', 'gateway-proxy-1080', 'gateway-sta-8080'] as const
    const [byPlan, byFile, piped] = await Promise.all([
      commands.at('gateway', 'check', '--plan', file('plan.json'), ...json),
      commands.at('gateway', 'check', '--zone', 'dmz1', ...json),
      commands.fed('gateway', printed.out, 'check', '--plan', '-', ...only, ...json),
    ])
    t.same([byPlan.code, byFile.code, piped.code], [0, 0, 0])
    t.same(seen(byPlan.out), seen(byFile.out))
    t.equal(seen(byPlan.out).length, 17)
    t.same(seen(piped.out), [
      'gateway-proxy-1080 open PASS',
      'gateway-sta-8080 filtered PASS',
      'gateway-proxy-1080-STA01 PASS',
    ])
    t.match(tlsNote(byPlan.out, 'gateway-proxy-1080'), /^TLSv1\.3, the expected key$/)
  })

  await t.test('a plan expects the key of the daemon that it leads to', async (t) => {
    const zones = ['internet', 'dmz1', 'dmz2', 'internal']
    const plans = await Promise.all(zones.map((zone) => commands.at('sta', 'plan', '--zone', zone)))
    const probes = plans.flatMap(({ out }) => planFile.parse(JSON.parse(out)).probes)
    const withTls = probes.filter(({ expect, tls }) => expect === 'allow' && tls !== undefined)
    t.same(
      withTls.map(({ id, tls }) => `${id} ${tls?.spki}`),
      withTls.map(({ id, to }) => `${id} ${keyHash(join(world.certs, to.name, 'tls.crt'))}`),
    )
    const daemons = new Set(withTls.map(({ to }) => to.name))
    t.same([...daemons].toSorted(), ['gateway', 'proxy', 'sta', 'storefront'], 'all that speak TLS')
  })

  await t.test('without a verdict the exit code is 3, and one sentence says why', async (t) => {
    writeFileSync(file('no-plan.json'), '{"doublehop":"plan","version":1,"zone":"dmz1"}')
    writeFileSync(file('new-plan.json'), '{"doublehop":"plan","version":2,"hosts":[]}')
    const cases: Readonly<Record<string, readonly [string[], RegExp]>> = {
      'a flow that is nearly there': [
        ['--only', 'gateway-prxy-1080'],
        /there is no flow gateway-prxy-1080; did you mean gateway-proxy-1080\?/,
      ],
      'no plan': [['--plan', file('no-plan.json')], /expected a plan .*; probes: .*DH_FW_FILE/s],
      'a plan of a newer version': [
        ['--plan', file('new-plan.json')],
        /it is of version 2 \(plan\), and this doublehop reads version 1/,
      ],
      'the ticket is not there': [['--ticket', '-'], /DOUBLEHOP_TICKET is not set/],
      'no ticket': [['--ticket', 'rubbish'], /not a ticket/],
    }
    await Promise.all(
      Object.entries(cases).map(async ([name, [args, why]]) => {
        const { code, out, err } = await commands.at('gateway', 'check', ...args)
        t.same([code, out], [3, ''], name)
        t.match(err, why, name)
      }),
    )
    const inLab = await commands.outside(['check', '--only', 'gateway-prxy-1080'])
    t.equal(inLab.code, 3)
    t.match(inLab.err, /did you mean gateway-proxy-1080\?/, 'the same for a whole lab')
  })

  await t.test('nothing of it tells a secret', async (t) => {
    t.same(commands.secretsIn(readFileSync(file('report.html'), 'utf8')), [])
  })
})

/** Rows and paths in one line each. */
function seen(json: string): string[] {
  const { rows, paths }: CheckResult = checkResult.parse(JSON.parse(json))
  return [
    ...rows.map(({ flow, observed, verdict }) => `${flow.id} ${observed} ${verdict}`),
    ...paths.map(({ id, verdict }) => `${id} ${verdict}`),
  ]
}

/** What the TLS layer of a row says. */
function tlsNote(json: string, id: string): string | undefined {
  const { rows }: CheckResult = checkResult.parse(JSON.parse(json))
  const row = rows.find(({ flow }) => flow.id === id)
  return row?.layers.find(({ layer }) => layer === 'tls')?.note
}

/** SHA-256 of the key in a certificate file, base64. */
function keyHash(file: string): string {
  const { publicKey } = new X509Certificate(readFileSync(file))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(spki).digest('base64')
}
