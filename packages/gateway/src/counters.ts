import type { Metrics } from '@doublehop/daemon/metrics'
import { StaCounters } from '@doublehop/sta-client/counters'

/** What engineers of a double hop count, in the words they know it by (docs/metrics.md). */
export class GatewayCounters extends StaCounters {
  readonly staConnections
  readonly socksMethodRequests
  readonly socksMethodResponses
  readonly socksConnectRequests
  readonly socksConnectResponses
  readonly socksServerErrors
  readonly socksClientErrors

  constructor(metrics: Metrics) {
    super(metrics)
    this.staConnections = metrics.counter(
      'doublehop_sta_connections_total',
      'STA connections through a next hop',
      ['result'],
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
