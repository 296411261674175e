import t from 'tap'
import { FirewallMatrix } from '../kit/firewall-matrix.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { atScale, NIGHTLY } from '../kit/nightly.ts'

t.setTimeout(atScale(120_000, 600_000))

t.test('every hole is found, IPv6', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const matrix = await FirewallMatrix.up(t, 6)
  const byPath = Map.groupBy(matrix.forbidden, ({ firewalls }) => firewalls.join())
  const oneOfEachPath = [...byPath.values()].flatMap(([first]) => first ?? [])
  for (const flow of NIGHTLY ? matrix.forbidden : oneOfEachPath) await matrix.findsHole(t, flow)
})
