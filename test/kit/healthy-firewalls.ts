import type { Family } from '@doublehop/cli/lab/isolated/topology'
import type { Joined } from '@doublehop/firewall/report/join'
import type { Test } from 'tap'
import { FirewallMatrix } from './firewall-matrix.ts'
import { cannotIsolate, DOUBLEHOP } from './isolated-world.ts'
import { atScale } from './nightly.ts'
import { found } from './zone-agents.ts'

/** Healthy firewalls pass, in one family: a launch, the whole matrix, and no false alarm in 15 runs (150 in the night). */
export function healthyFirewalls(t: Test, family: Family): void {
  t.setTimeout(atScale(300_000, 1_500_000))
  t.test(`healthy firewalls, IPv${family}`, { skip: cannotIsolate('tcpdump') }, async (t) => {
    const matrix = await FirewallMatrix.up(t, family)
    const { world, agents } = matrix

    await t.test('the generated rules let a launch through', async (t) => {
      const { code, stdout } = await world.run(
        'internet',
        [...DOUBLEHOP, 'launch', '--app', 'echo', '--config', world.config],
        'through both hops\n',
      )
      t.same([code, String(stdout)], [0, 'through both hops\n'])
    })

    await t.test('every needed flow is open, and every forbidden one is filtered', async (t) => {
      const { rows, paths, verdict } = await agents.check()
      t.equal(verdict, 'PASS')
      t.equal(rows.length, world.flows.length, 'each flow was run somewhere')
      for (const { flow, observed } of rows)
        t.equal(observed, flow.expect === 'allow' ? 'open' : 'filtered', flow.id)
      t.same(
        paths.map(({ label, verdict }) => [label, verdict]),
        [['gateway → proxy → STA01', 'PASS']],
      )
    })

    await t.test('no false alarm, however often it is asked', async (t) => {
      const runs = atScale(10, 100)
      const took: number[] = []
      for (let run = 1; run <= runs; run++) {
        const joined = await agents.check({ seconds: 1 })
        t.same(found(joined), [], `run ${run} of ${runs}`)
        took.push(slowestOf(joined))
      }
      const median = took.toSorted((a, b) => a - b)[runs >> 1] ?? Number.NaN
      t.ok(median < 2 * 1, `a zone mostly takes less than twice the timeout: ${median} s`)
    })

    await t.test('nor with 5 % loss on each firewall', async (t) => {
      await world.routers.loss(5)
      const runs = atScale(5, 50)
      for (let run = 1; run <= runs; run++) {
        const joined = await agents.check({ seconds: 4 })
        t.same(found(joined), [], `run ${run} of ${runs}`)
        const slowest = slowestOf(joined)
        t.ok(slowest < 2 * 4, `a zone takes less than twice the timeout: ${slowest} s`)
      }
      await world.routers.reset()
    })
  })
}

/** Seconds of the zone that took longest. */
function slowestOf({ zones }: Joined): number {
  return Math.max(...zones.map(({ seconds }) => seconds))
}
