import t from 'tap'
import { FirewallMatrix } from '../kit/firewall-matrix.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'

t.setTimeout(600_000)

t.test('every hole is found, IPv4', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const matrix = await FirewallMatrix.up(t, 4)
  for (const flow of matrix.forbidden) await matrix.findsHole(t, flow)
})
