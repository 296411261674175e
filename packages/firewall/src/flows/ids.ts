import type { Flow } from './flow.ts'
import type { Unnamed } from './unnamed.ts'

/** Names each flow for who speaks to whom on which port; where that is not enough, by family, then by number. */
export function withIds(flows: readonly Unnamed[]): Flow[] {
  const short = countBy(flows, shortId)
  const long = new Map<string, number>()
  return flows.map((flow) => {
    const alone = short.get(shortId(flow)) === 1
    const id = alone ? shortId(flow) : longId(flow)
    const before = long.get(id) ?? 0
    long.set(id, before + 1)
    return { id: before === 0 ? id : `${id}-${before + 1}`, ...flow }
  })
}

function shortId({ from, to, port, protocol }: Unnamed): string {
  return `${from.name}-${to.name}-${port}${protocol === 'udp' ? '-udp' : ''}`
}

function longId(flow: Unnamed): string {
  return flow.family === 6 ? `${shortId(flow)}-v6` : shortId(flow)
}

function countBy(flows: readonly Unnamed[], key: (flow: Unnamed) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const flow of flows) counts.set(key(flow), (counts.get(key(flow)) ?? 0) + 1)
  return counts
}
