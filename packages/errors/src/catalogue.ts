/**
 * Everything that can go wrong, by code. One line of `docs/errors.md` each, held against this file by a test.
 *
 * `class` is what kind of failure it is, and so what the outside may learn of it: the gateway and the proxy
 * choose their SOCKS reply by it, the daemons their exit code. `fault` says who has to act.
 * `message` tells what happened and where, `action` what to do next.
 */
export interface Entry {
  readonly class:
    | 'ticket' // the ticket is not, or no longer, good
    | 'address' // this destination is not allowed
    | 'identity' // whoever asks is not on the list
    | 'refused' // the peer's machine answered: nothing listens there
    | 'network-unreachable'
    | 'host-unreachable'
    | 'timeout'
    | 'command' // a SOCKS command that is not spoken here
    | 'address-type' // a SOCKS address type that is not spoken here
    | 'protocol' // the peer broke the rules of the wire
    | 'limit' // a bound was reached
    | 'closed' // the connection ended before its time
    | 'usage' // the command line
    | 'configuration'
    | 'internal'
  readonly fault: 'ours' | 'peer' | 'configuration' | 'network'
  readonly message: string
  readonly action: string
}

export const catalogue = {
  // ── the launch, as a client sees it ──
  DH_FIRST_BYTES: {
    class: 'protocol',
    fault: 'peer',
    message:
      'the first byte is {byte}: neither SOCKS5 (05), CGP (1A) nor HTTP (an upper-case letter)',
    action: 'connect with a client that speaks one of the three after TLS',
  },
  DH_ADDRESS_NOT_TICKET: {
    class: 'address',
    fault: 'peer',
    message: 'the client named an address ({destination}) where a ticket belongs',
    action: 'the gateway never dials what a client names: ask the storefront for a ticket',
  },
  DH_LAUNCH_PORT: {
    class: 'address',
    fault: 'peer',
    message: 'the client asked for port {port}; a ticket leads to 2598 (CGP) or 1494 (ICA)',
    action: 'launch with port 2598 or 1494',
  },
  DH_LAUNCH_DEADLINE: {
    class: 'timeout',
    fault: 'network',
    message: 'the launch was not finished within {seconds} s; it stood at step {step}',
    action: 'look which of the nine steps is slow in the step lines of this session',
  },
  DH_CLIENT_GONE: {
    class: 'closed',
    fault: 'peer',
    message: 'the client ended its connection during step {step}',
    action: 'nothing to do here; the ticket may be spent',
  },
  DH_CGP_NO_TICKET: {
    class: 'ticket',
    fault: 'peer',
    message: 'no ticket in the first {bytes} bytes of a CGP flight',
    action: 'launch with an ICA file that carries a ticket and CGPSecurityTicket=On',
  },
  DH_CGP_SIGNATURE: {
    class: 'protocol',
    fault: 'peer',
    message: 'the flight begins with 1A but goes on otherwise than CGP/01',
    action: 'connect with a client that speaks CGP or SOCKS5',
  },

  // ── firewalls: what the configuration does not tell ──
  DH_FW_ADDRESS: {
    class: 'configuration',
    fault: 'configuration',
    message: '{section} has no address that a rule could hold: it listens on all of them',
    action: 'tell its addresses: {section}.addresses.v4 or v6',
  },
  DH_FW_ZONE: {
    class: 'configuration',
    fault: 'configuration',
    message: '{name} at {address} lies in no zone',
    action: 'add its network to one of zones, or tell the zone in its section',
  },
  DH_FW_NAME: {
    class: 'configuration',
    fault: 'configuration',
    message: '{section} dials {name}, and no address of that name is known',
    action: 'list the name and its addresses under network.hosts',
  },

  DH_FW_LOADED: {
    class: 'usage',
    fault: 'peer',
    message: 'the loaded rules cannot be compared: {why}',
    action: 'give it what nft -j list ruleset, iptables-save or ip6tables-save prints',
  },
  DH_FW_FILE: {
    class: 'usage',
    fault: 'peer',
    message: '{file}: {why}',
    action: 'name a file that this version of doublehop has written',
  },
  DH_FW_REPORT: {
    class: 'usage',
    fault: 'peer',
    message: 'the report cannot be written to {file}: {why}',
    action: 'name a file in a folder that is there with --html',
  },
  DH_FW_NOT_HERE: {
    class: 'usage',
    fault: 'peer',
    message: 'no flow starts from an address of this host ({addresses})',
    action: 'run it on a host of the zone to be checked, or name the zone with --zone',
  },
  DH_FW_FLOW: {
    class: 'usage',
    fault: 'peer',
    message: 'there is no flow {flow}{nearest}',
    action: 'doublehop flows lists them all',
  },

  // ── firewalls: what checks find ──
  DH_FW_LEAK: {
    class: 'address',
    fault: 'network',
    message: '{firewalls} {let} {rule} through: remove that rule. {why}',
    action: 'doublehop rules --diff FILE names the rule that does not belong there',
  },
  DH_FW_FILTERED: {
    class: 'timeout',
    fault: 'network',
    message: '{firewalls}: allow {rule}. Silence, so a rule drops it; {consequence}',
    action: 'add the rule that doublehop rules prints for that firewall',
  },
  DH_FW_REJECTED: {
    class: 'host-unreachable',
    fault: 'network',
    message: '{firewalls}: allow {rule}. It is refused on the way ({seen}); {consequence}',
    action: 'add the rule that doublehop rules prints, before the one that rejects',
  },
  DH_FW_CLOSED: {
    class: 'refused',
    fault: 'network',
    message: '{firewalls}: allow {rule}, or start what listens there ({seen}); {consequence}',
    action:
      'see whether something listens there (doublehop health on that host); if so, a rule rejects with a reset',
  },
  DH_FW_NO_ROUTE: {
    class: 'network-unreachable',
    fault: 'network',
    message: 'no route for {rule} by {firewalls} ({seen}); {consequence}',
    action: 'mend the routes on this host and on the firewalls, and see that the destination is up',
  },
  DH_FW_DNS: {
    class: 'host-unreachable',
    fault: 'network',
    message: '{name} is not found as {address} here ({seen}); {consequence}',
    action: 'mend the name servers of this zone, or network.hosts in the configuration',
  },
  DH_FW_INTERCEPTED: {
    class: 'identity',
    fault: 'network',
    message: 'somebody answers for {rule} in the place of {name}: {seen}',
    action:
      'take {firewalls} and whatever stands beside them out of this flow: its TLS must not be opened',
  },
  DH_FW_CERTIFICATE: {
    class: 'identity',
    fault: 'configuration',
    message: '{rule} is open, but TLS with {name} fails: {seen}; {consequence}',
    action: 'mend the certificates or their paths; no firewall is at fault',
  },
  DH_FW_WRONG_SERVICE: {
    class: 'protocol',
    fault: 'network',
    message: 'something else than {name} answers {rule}: {seen}',
    action: 'see what listens at that address and port, and whether {firewalls} lead there',
  },
  DH_FW_UNKNOWN: {
    class: 'timeout',
    fault: 'network',
    message: 'no verdict on {rule}: {seen}',
    action: 'run doublehop listen in the zone of the destination, and check again',
  },
  DH_FW_STATE: {
    class: 'timeout',
    fault: 'network',
    message:
      '{firewalls}: none of {count} needed flows gets through; it lets no answers back (ct state established), has none of their rules, or is down',
    action: 'doublehop rules --firewall {number} --diff FILE names what is missing',
  },
  DH_FW_ANSWER_LOST: {
    class: 'timeout',
    fault: 'network',
    message:
      '{rule} arrives, and the answer is lost on the way back: {firewalls} must let it through (ct state established)',
    action: 'see that answers take the way back by the same firewalls, and that these keep state',
  },
  DH_FW_NAT: {
    class: 'address',
    fault: 'network',
    message:
      '{daemon} sees {seen} where {expected} is expected: {firewalls} {translate} source addresses',
    action: 'rules and allow lists behind that firewall must hold the translated address',
  },

  // ── firewalls: what deep checks find, and listen ──
  DH_FW_IDLE: {
    class: 'timeout',
    fault: 'network',
    message: '{firewalls}: {rule} is forgotten once it has been idle for {seconds} s',
    action:
      'raise the timeout of idle TCP connections on {firewalls} above the longest pause of a session, and answer late packets with a reset',
  },
  DH_FW_MTU: {
    class: 'timeout',
    fault: 'network',
    message:
      '{firewalls}: {rule} loses packets of more than {bytes} bytes {direction}, and nobody tells the sender',
    action:
      'let ICMP packet-too-big through on {firewalls} (IPv4 type 3 code 4, IPv6 type 2), or clamp the MSS to {mss}',
  },
  DH_FW_HALF_CLOSE: {
    class: 'closed',
    fault: 'network',
    message: '{firewalls}: {rule} does not outlive the end of one direction: {seen}',
    action:
      'let the other direction go on after a FIN on {firewalls}: raise its timeout of half-closed connections',
  },
  DH_FW_RATE: {
    class: 'limit',
    fault: 'network',
    message:
      '{firewalls}: {rule} is limited in new connections: {answered} of {burst} opened at once were answered in time, {rate} a second in a steady row',
    action:
      'raise the limit of new connections on {firewalls}: behind one source address stand all users of a gateway',
  },
  DH_FW_BYTES: {
    class: 'protocol',
    fault: 'network',
    message: '{firewalls}: {rule} does not arrive as it was sent: {seen}',
    action: 'take whatever inspects or rewrites content out of this flow on {firewalls}',
  },
  DH_FW_LISTEN: {
    class: 'configuration',
    fault: 'configuration',
    message: 'nowhere to listen in {zone}: {why}',
    action:
      'run it on a host of that zone, with a file that names its places: doublehop flows lists them',
  },

  DH_TRACE_SESSION: {
    class: 'usage',
    fault: 'peer',
    message: 'session {session}: {why}',
    action:
      'doublehop trace without a session lists the newest; name more digits, or more logs with --logs',
  },
  DH_TRACE_LOGS: {
    class: 'usage',
    fault: 'peer',
    message: 'the log {file} cannot be read: {why}',
    action: 'name files of JSON lines with --logs; - is standard input',
  },

  // ── tickets ──
  DH_TICKET_FORM: {
    class: 'ticket',
    fault: 'peer',
    message: 'not a ticket: {why}',
    action: 'a ticket reads ;VERSION;STAID;TICKET, see docs/protocols.md, 1',
  },
  DH_TICKET_UNKNOWN: {
    class: 'ticket',
    fault: 'peer',
    message: 'STA {sta} does not know this ticket',
    action: 'launch again; if it repeats, compare the STA lists of storefront, gateway and proxy',
  },
  DH_TICKET_USED: {
    class: 'ticket',
    fault: 'peer',
    message: 'this ticket was used before (STA {sta})',
    action: 'a ticket is good for one launch: ask for a new one',
  },
  DH_TICKET_EXPIRED: {
    class: 'ticket',
    fault: 'peer',
    message: 'this ticket has expired (STA {sta})',
    action: 'launch within the ticket lifetime (90 s by default), and compare the clocks',
  },
  DH_TICKET_NO_ADDRESS: {
    class: 'ticket',
    fault: 'configuration',
    message: 'the ticket leads to no {name}, which port {port} of the client asks for',
    action: 'publish the app with that address, or launch with the other port',
  },
  DH_TICKET_ADDRESS: {
    class: 'ticket',
    fault: 'configuration',
    message: 'the ticket holds {name} {value}, which is no address:port',
    action: 'mend the address of the published app at the storefront',
  },

  // ── the Secure Ticket Authority, seen from who asks it ──
  DH_STA_ID_UNKNOWN: {
    class: 'ticket',
    fault: 'configuration',
    message: 'no configured STA claims the id {sta}',
    action:
      'list the STA that issued the ticket under stas; storefront and gateway must list the same',
  },
  DH_STA_ID_AMBIGUOUS: {
    class: 'ticket',
    fault: 'configuration',
    message: 'two STAs claim the id {sta}: {urls}',
    action:
      'give each STA an id of its own, or list both urls under one entry if they share a store',
  },
  DH_STA_UNREACHABLE: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'STA {sta} cannot be reached: {why}',
    action: 'check that the STA runs and that the firewall lets the proxy reach it',
  },
  DH_STA_TIMEOUT: {
    class: 'timeout',
    fault: 'network',
    message: 'STA {sta} did not answer within {seconds} s; the ticket may be spent',
    action: 'look at the load and the store of the STA, then launch again with a new ticket',
  },
  DH_STA_LOST: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'the connection to STA {sta} broke after the request was written: {why}',
    action: 'a redemption is never repeated: launch again with a new ticket',
  },
  DH_STA_ANSWER: {
    class: 'internal',
    fault: 'peer',
    message: 'STA {sta} answered what is no answer: {why}',
    action: 'check that the url leads to an STA, and the log of the STA',
  },
  DH_STA_FORBIDDEN: {
    class: 'internal',
    fault: 'configuration',
    message: 'STA {sta} does not let this daemon {what} (HTTP 403)',
    action:
      'put the certificate name or network of this daemon on the list of the STA, and check the service key',
  },
  DH_STA_FULL: {
    class: 'limit',
    fault: 'ours',
    message: 'the STA holds {limit} live tickets and takes no more',
    action: 'raise sta.maxTickets, or shorten sta.ticketLifetime',
  },
  DH_STA_REQUEST: {
    class: 'protocol',
    fault: 'peer',
    message: 'not a request of the STA protocol: {why}',
    action: 'send RequestTicket or RequestData as docs/protocols.md, 1 describes',
  },
  DH_STA_STORE: {
    class: 'internal',
    fault: 'network',
    message: 'the ticket store does not answer: {why}',
    action: 'check that Redis runs and sta.store leads to it',
  },

  // ── the second hop, seen from the gateway ──
  DH_HOP_UNREACHABLE: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'next hop {hop} cannot be reached: {why}',
    action: 'check that the proxy runs, and firewall 2 between the DMZs',
  },
  DH_HOP_NONE: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'no next hop can be reached; the last one failed so: {why}',
    action: 'check the proxies and firewall 2 between the DMZs',
  },
  DH_HOP_LOST: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'next hop {hop} was lost during step {step}; the ticket is spent',
    action: 'launch again with a new ticket',
  },
  DH_STOREFRONT_UNREACHABLE: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'no storefront can be reached; the last one failed so: {why}',
    action: 'check that the storefront runs, and firewall 2 between the DMZs',
  },

  // ── SOCKS ──
  DH_SOCKS_VERSION: {
    class: 'protocol',
    fault: 'peer',
    message: 'the first byte is {version}, not 5: no SOCKS5 ({hint})',
    action: 'connect with SOCKS5 (RFC 1928)',
  },
  DH_SOCKS_METHOD: {
    class: 'identity',
    fault: 'peer',
    message: 'the client offers methods {offered}, none of which is taken here ({wanted})',
    action: 'offer the method that this listener wants (RFC 1928, 3)',
  },
  DH_SOCKS_LOGIN: {
    class: 'identity',
    fault: 'peer',
    message: 'user name or password was not taken',
    action: 'check the credentials of this SOCKS client',
  },
  DH_SOCKS_FORM: {
    class: 'protocol',
    fault: 'peer',
    message: 'the SOCKS message is malformed: {why}',
    action: 'check what speaks SOCKS to this port (RFC 1928, 1929)',
  },
  DH_SOCKS_COMMAND: {
    class: 'command',
    fault: 'peer',
    message: 'SOCKS command {command} is not spoken here',
    action: 'only CONNECT (1) is carried; BIND and UDP ASSOCIATE are not',
  },
  DH_SOCKS_ADDRESS_TYPE: {
    class: 'address-type',
    fault: 'peer',
    message: 'SOCKS address type {type} is not known',
    action: 'use IPv4 (1), a name (3) or IPv6 (4)',
  },
  DH_SOCKS_DENIED: {
    class: 'address',
    fault: 'peer',
    message: 'the SOCKS server denied the connection to {destination} (reply 02)',
    action: 'look for this session in the log of the SOCKS server',
  },
  DH_SOCKS_UNREACHABLE: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'the SOCKS server could not reach {destination} (reply {reply})',
    action: 'check the server behind it and the firewall between',
  },
  DH_SOCKS_FAILED: {
    class: 'internal',
    fault: 'peer',
    message: 'the SOCKS server failed to connect to {destination} (reply {reply})',
    action: 'look for this session in the log of the SOCKS server',
  },

  // ── the proxy ──
  DH_PEER_NOT_LISTED: {
    class: 'identity',
    fault: 'configuration',
    message: '{peer} is on no list of who may connect here',
    action: 'add its certificate name or network to the allow list of this listener',
  },
  DH_SESSION_ID: {
    class: 'address',
    fault: 'peer',
    message: 'the user name is no session id (32 lower-case hex digits)',
    action: 'with authorization: grant only a doublehop gateway can use this proxy',
  },
  DH_GRANT_FORM: {
    class: 'address',
    fault: 'peer',
    message: 'not a grant: {why}',
    action: 'the gateway presents the Doublehop-Grant of the redemption as password',
  },
  DH_GRANT_MISMATCH: {
    class: 'address',
    fault: 'peer',
    message: 'the grant does not cover {destination} for this session and gateway',
    action: 'if nobody attacks: compare the grant keys of the proxies',
  },
  DH_GRANT_EXPIRED: {
    class: 'address',
    fault: 'peer',
    message: 'the grant has expired',
    action: 'a grant is good for 10 s: compare the clocks of the proxies, look for a slow step 5',
  },
  DH_GRANT_SPENT: {
    class: 'address',
    fault: 'peer',
    message: 'the grant was spent before',
    action: 'a grant is good for one CONNECT; if it repeats, somebody replays grants',
  },
  DH_GRANT_STORE: {
    class: 'internal',
    fault: 'network',
    message: 'the store of spent grants does not answer: {why}',
    action: 'check that Redis runs and proxy.grants.store leads to it',
  },
  DH_DESTINATION_FORBIDDEN: {
    class: 'address',
    fault: 'configuration',
    message: '{destination} is no allowed destination: {why}',
    action: 'if it should be reached, widen proxy.destinations or proxy.allow…',
  },
  DH_RELAY_REQUEST: {
    class: 'protocol',
    fault: 'peer',
    message: 'this does not pass the relay to an STA: {why}',
    action: 'through the proxy only GET and RequestData reach an STA',
  },

  // ── the network ──
  DH_DIAL_REFUSED: {
    class: 'refused',
    fault: 'network',
    message: 'nothing listens at {address}: connection refused',
    action: 'start the server there, or mend the address',
  },
  DH_DIAL_NETWORK_UNREACHABLE: {
    class: 'network-unreachable',
    fault: 'network',
    message: 'no route to {address}: network unreachable',
    action: 'check the routes of this host',
  },
  DH_DIAL_HOST_UNREACHABLE: {
    class: 'host-unreachable',
    fault: 'network',
    message: '{address} cannot be reached: {why}',
    action: 'check that the host is up and the firewall between',
  },
  DH_DIAL_TIMEOUT: {
    class: 'timeout',
    fault: 'network',
    message: '{address} did not answer within {seconds} s',
    action: 'a firewall that drops packets looks like this: check the rules between',
  },
  DH_DIAL_NAME: {
    class: 'host-unreachable',
    fault: 'network',
    message: 'the name {host} does not resolve: {why}',
    action: 'check the name and the DNS of this host',
  },
  DH_DIAL_TLS: {
    class: 'host-unreachable',
    fault: 'configuration',
    message: 'no TLS with {address}: {why}',
    action: 'compare the certificates, names and CA of both ends',
  },
  DH_TLS_HANDSHAKE: {
    class: 'protocol',
    fault: 'peer',
    message: 'the TLS handshake failed: {why}',
    action: 'compare TLS versions, ciphers and certificates of both ends',
  },
  DH_PROXY_HEADER: {
    class: 'protocol',
    fault: 'peer',
    message: 'no PROXY v2 header: {why}',
    action: 'only a gateway or a listed load balancer connects here, and it sends PROXY v2 first',
  },
  DH_PEER_CLOSED: {
    class: 'closed',
    fault: 'peer',
    message: 'the peer ended the connection in the middle of {what}',
    action: 'look for the reason in the log of the peer',
  },
  DH_PEER_RESET: {
    class: 'closed',
    fault: 'peer',
    message: 'the peer reset the connection in the middle of {what}',
    action: 'look for the reason in the log of the peer',
  },
  DH_HANDSHAKE_DEADLINE: {
    class: 'timeout',
    fault: 'peer',
    message: '{what} was not finished within {seconds} s',
    action: 'a slow or silent peer; if it is yours, look at its load',
  },
  DH_HANDSHAKE_LENGTH: {
    class: 'limit',
    fault: 'peer',
    message: '{what} is longer than {limit} bytes',
    action: 'check what speaks to this port',
  },
  DH_LIMIT_SESSIONS: {
    class: 'limit',
    fault: 'ours',
    message: 'the limit of {limit} sessions is reached',
    action: 'raise limits.sessions, or add a gateway',
  },
  DH_LIMIT_SOURCE: {
    class: 'limit',
    fault: 'peer',
    message: 'this client source has {limit} sessions, and may have no more',
    action: 'if many users share that address, raise limits.sessionsPerSource',
  },
  DH_LIMIT_HANDSHAKES: {
    class: 'limit',
    fault: 'peer',
    message: 'the oldest of {limit} unfinished handshakes {whose} gave way to a new one',
    action: 'somebody opens connections and does not go on; if it is you, raise limits.handshakes…',
  },
  DH_DRAINING: {
    class: 'limit',
    fault: 'ours',
    message: 'this daemon is draining and takes nothing new',
    action: 'connect to another one',
  },

  DH_ICA_GREETING: {
    class: 'protocol',
    fault: 'peer',
    message: 'the peer does not answer the ICA greeting',
    action: 'port 1494 speaks ICA: connect with an ICA client, or launch with port 2598',
  },

  // ── XML and HTTP ──
  DH_XML: {
    class: 'protocol',
    fault: 'peer',
    message: 'the XML is refused: {why}',
    action: 'send well-formed XML without entities, internal DTD or processing instructions',
  },
  DH_ICA_FILE: {
    class: 'usage',
    fault: 'peer',
    message: 'no usable ICA file: {why}',
    action: 'ask the storefront for a new one',
  },

  // ── configuration and commands ──
  DH_CONFIG_FILE: {
    class: 'configuration',
    fault: 'configuration',
    message: '{file} cannot be read: {why}',
    action: 'name an existing doublehop.yaml with --config',
  },
  DH_CONFIG: {
    class: 'configuration',
    fault: 'configuration',
    message: '{file}: {path}: {why}',
    action: 'see docs/configuration.md, or run: doublehop config schema',
  },
  DH_CONFIG_SECRET: {
    class: 'configuration',
    fault: 'configuration',
    message: '{path}: the secret {source} cannot be read: {why}',
    action: 'write secrets as file:PATH or env:NAME, readable by this daemon',
  },
  DH_CERTIFICATE: {
    class: 'configuration',
    fault: 'configuration',
    message: 'the certificate files {file} cannot be used: {why}',
    action: 'check the path, its rights, and that key and certificate belong together',
  },
  DH_CERTIFICATE_ENDS: {
    class: 'configuration',
    fault: 'configuration',
    message: 'the certificate in {file} ends on {date}',
    action: 'renew it and send SIGHUP',
  },
  DH_STA_LISTS: {
    class: 'configuration',
    fault: 'configuration',
    message: 'the lists of STAs differ: {why}',
    action: 'list the same STAs at storefront, gateway and proxy',
  },
  DH_RELOAD: {
    class: 'configuration',
    fault: 'configuration',
    message: '{path} cannot be changed by a reload',
    action: 'restart the daemon to change it, or put back what it was',
  },
  DH_LISTEN: {
    class: 'configuration',
    fault: 'configuration',
    message: 'cannot listen on {address}: {why}',
    action: 'end what listens there (ss -ltnp), or choose another port',
  },
  DH_ACTIVATION: {
    class: 'configuration',
    fault: 'configuration',
    message: 'the service manager handed over {socket}: {why}',
    action: 'compare the socket unit with the listeners of the configuration (docs/systemd.md)',
  },
  DH_USAGE: {
    class: 'usage',
    fault: 'peer',
    message: '{why}',
    action: 'see doublehop help',
  },
  DH_NO_LAB: {
    class: 'usage',
    fault: 'peer',
    message: 'no lab is running here: {why}',
    action: 'start one with: npm start',
  },
  DH_LAB_RUNNING: {
    class: 'usage',
    fault: 'peer',
    message: 'a lab is running here already, pid {pid}',
    action: 'end it with Ctrl-C, or start another one with --state DIR --ephemeral',
  },
  DH_LAB_ISOLATION: {
    class: 'configuration',
    fault: 'configuration',
    message: 'an isolated lab cannot stand here: {why}',
    action: 'it needs Linux, root, and the programs ip, nft, unshare and nsenter',
  },
  DH_LAB_NOT_ISOLATED: {
    class: 'usage',
    fault: 'peer',
    message: 'the lab in {folder} has no firewalls: its daemons meet on loopback',
    action: 'start one with: doublehop up --isolate netns',
  },
  DH_STOREFRONT_ANSWER: {
    class: 'protocol',
    fault: 'peer',
    message: 'the storefront answered HTTP {status}: {why}',
    action: 'check the token, the name of the app (doublehop apps), and the log of the storefront',
  },
  DH_LAB_DAEMON: {
    class: 'internal',
    fault: 'ours',
    message: 'the {daemon} did not start: {why}',
    action: 'read its log: {log}',
  },
  DH_INTERNAL: {
    class: 'internal',
    fault: 'ours',
    message: 'unexpected: {what}',
    action: 'this is a bug in doublehop: please report it with the log line',
  },
} as const satisfies Record<string, Entry>

/** The stable name of a failure. */
export type Code = keyof typeof catalogue
