import type { Metrics } from '@doublehop/daemon/metrics'

/** What engineers count of the way to the STAs, at either hop (docs/metrics.md). */
export class StaCounters {
  readonly staRequestsSent
  readonly staResponsesReceived
  readonly staLookupFailures

  constructor(metrics: Metrics) {
    this.staRequestsSent = metrics.counter('doublehop_sta_requests_sent_total', 'STA requests sent')
    this.staResponsesReceived = metrics.counter(
      'doublehop_sta_responses_received_total',
      'STA responses received',
    )
    this.staLookupFailures = metrics.counter(
      'doublehop_sta_lookup_failures_total',
      'STA server lookup failures for the id in the primary or redundant ticket',
      ['ticket'],
    )
  }
}
