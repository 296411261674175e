import type { Metrics } from '@doublehop/daemon/metrics'

/** What engineers of a double hop count, in the words they know it by (docs/metrics.md). */
export class GatewayCounters {
  readonly staConnections
  readonly staRequestsSent
  readonly staResponsesReceived
  readonly staLookupFailures
  readonly socksMethodRequests
  readonly socksMethodResponses
  readonly socksConnectRequests
  readonly socksConnectResponses
  readonly socksServerErrors
  readonly socksClientErrors

  constructor(metrics: Metrics) {
    this.staConnections = metrics.counter(
      'doublehop_sta_connections_total',
      'STA connections through a next hop',
      ['result'],
    )
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
    this.socksMethodRequests = metrics.counter(
      'doublehop_socks_method_requests_total',
      'SOCKS method requests sent to next hops',
    )
    this.socksMethodResponses = metrics.counter(
      'doublehop_socks_method_responses_total',
      'SOCKS method responses received',
    )
    this.socksConnectRequests = metrics.counter(
      'doublehop_socks_connect_requests_total',
      'SOCKS connect requests sent to next hops',
    )
    this.socksConnectResponses = metrics.counter(
      'doublehop_socks_connect_responses_total',
      'SOCKS connect responses received',
    )
    this.socksServerErrors = metrics.counter(
      'doublehop_socks_server_errors_total',
      'Next hops that broke the rules of SOCKS or refused',
    )
    this.socksClientErrors = metrics.counter(
      'doublehop_socks_client_errors_total',
      'Clients that broke the rules of SOCKS',
    )
  }
}
