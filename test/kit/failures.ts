import type { Metrics } from '@doublehop/daemon/metrics'

/** How often something failed in a daemon of this process, by code, as its metric tells. */
export async function failuresOf(metrics: Metrics): Promise<Readonly<Record<string, number>>> {
  const metric = metrics.registry.getSingleMetric('doublehop_failures_total')
  const values = (await metric?.get())?.values ?? []
  return Object.fromEntries(values.map(({ labels, value }) => [labels.code, value]))
}

/** Sessions at this moment, as its metric tells. */
export async function sessionsOf(metrics: Metrics): Promise<number | undefined> {
  const metric = metrics.registry.getSingleMetric('doublehop_sessions')
  return (await metric?.get())?.values[0]?.value
}
