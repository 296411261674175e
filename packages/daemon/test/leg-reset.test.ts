import t from 'tap'
import { LEGS } from '../../../test/kit/legs.ts'
import { until } from '../../../test/kit/wait.ts'

for (const wire of ['plain TCP', 'TLSv1.2', 'TLSv1.3'] as const) {
  for (const [made, make] of Object.entries(LEGS)) {
    t.test(
      `nothing is left of a leg that was ${made} over ${wire} and is reset right behind its FIN`,
      async (t) => {
        const { leg, end } = await make(t, wire)
        const before = openSockets()
        leg.end()
        leg.reset()
        await until(() => leg.gone.aborted, Boolean)
        await until(openSockets, (count) => count === before - 1)
        end.destroy()
        t.equal(await until(openSockets, (count) => count === before - 2), before - 2)
      },
    )
  }
}

/** Connections of this process that Node still has a handle of, whatever their sockets say. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}
