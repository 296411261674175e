import { FIREWALLS } from '@doublehop/firewall/flows/paths'
import { compare } from '@doublehop/firewall/rules/diff/compare'
import { readLoaded } from '@doublehop/firewall/rules/diff/read-loaded'
import { rulesetOf } from '@doublehop/firewall/rules/ruleset'
import t from 'tap'
import { FirewallMatrix } from '../kit/firewall-matrix.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { found } from '../kit/zone-agents.ts'

t.setTimeout(300_000)

t.test('what concerns a firewall as a whole', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const matrix = await FirewallMatrix.up(t, 4)
  const { routers, flows } = matrix.world
  const differences = async (firewall: 1 | 2 | 3) =>
    compare(rulesetOf(flows, firewall), readLoaded(await routers.showJson(firewall))).differences

  await t.test('a firewall that lets no answers back is one finding', async (t) => {
    for (const firewall of FIREWALLS) {
      await routers.stateOff(firewall)
      const joined = await matrix.agents.check()
      const through = matrix.needed
        .filter(({ firewalls }) => firewalls.join() === String(firewall))
        .map(({ id }) => id)
      t.match(joined.findings, [{ code: 'DH_FW_STATE', firewalls: [firewall] }])
      t.equal(joined.findings.length, 1, `firewall ${firewall}`)
      t.same(joined.findings[0]?.flows.toSorted(), through.toSorted())
      t.match(await differences(firewall), [{ kind: 'missing', rule: { id: 'established' } }])
      await routers.reset()
    }
  })

  await t.test('what is loaded differs in nothing', async (t) => {
    for (const firewall of FIREWALLS) t.same(await differences(firewall), [])
  })

  await t.test(
    'a hole in some firewalls of a path is no leak, and rules --diff names it',
    async (t) => {
      const byPath = Map.groupBy(matrix.forbidden, ({ firewalls }) => firewalls.join())
      for (const [path, [flow]] of byPath) {
        if (flow === undefined || flow.firewalls.length === 1) continue
        const closed = flow.firewalls.at(-1)
        const open = flow.firewalls.filter((one) => one !== closed)
        for (const firewall of open) await routers.leak(flow.id, firewall)
        t.same(found(await matrix.agents.check()), [], `${flow.id}, path ${path}`)
        for (const firewall of open)
          t.match(await differences(firewall), [{ kind: 'extra' }], `firewall ${firewall}`)
        await routers.reset()
      }
    },
  )
})
