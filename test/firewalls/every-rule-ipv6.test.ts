import t from 'tap'
import { FirewallMatrix, refusalOf } from '../kit/firewall-matrix.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { atScale, NIGHTLY } from '../kit/nightly.ts'

t.setTimeout(atScale(120_000, 600_000))

t.test('every rule matters, IPv6', { skip: cannotIsolate('tcpdump') }, async (t) => {
  const matrix = await FirewallMatrix.up(t, 6)
  const flows = NIGHTLY ? matrix.needed : matrix.oneOfEachFirewall

  await t.test('a rule that is missing is named, and nothing else', async (t) => {
    for (const flow of flows) await matrix.missesRule(t, flow)
  })

  await t.test('a rule that rejects is named, and nothing else', async (t) => {
    for (const [index, flow] of flows.entries()) {
      await matrix.meetsRejection(t, flow, refusalOf(index))
    }
  })
})
