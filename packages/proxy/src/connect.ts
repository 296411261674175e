import { dial } from '@doublehop/daemon/dial'
import { LaunchLimit } from '@doublehop/daemon/launch-limit'
import type { Leg } from '@doublehop/daemon/leg'
import type { Session } from '@doublehop/daemon/session'
import { asFault, fault } from '@doublehop/errors/fault'
import { canonicalHost, type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import { isSessionId } from '@doublehop/wire/session-id'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import type { ConnectRequest } from '@doublehop/wire/socks5-server'
import { looksLikeTicket } from '@doublehop/wire/ticket'
import type { ProxyParts } from './parts.ts'
import { redeemHere } from './redeem-here.ts'
import { refuse } from './refuse.ts'

/** A CONNECT that does not lead to an STA: find out whether it may, dial (step 6), answer, and join the streams. */
export async function connect(hop: Leg, request: ConnectRequest, parts: ProxyParts): Promise<void> {
  const session = openSession(hop, request, parts)
  session.asked = performance.now()
  try {
    const server = await reachServer(session, request, parts)
    hop.write(encodeReply(REPLY.succeeded))
    await session.splice(server, parts.settings.limits.idle)
  } catch (error) {
    const failure = asFault(error)
    session.fail(failure)
    await refuse(session, failure, parts)
  }
}

/** What comes before the reply, within the limits of a launch. */
async function reachServer(
  session: Session,
  request: ConnectRequest,
  parts: ProxyParts,
): Promise<Leg> {
  const { limits } = parts.settings
  using limit = new LaunchLimit(session, limits.launch)
  parts.limit.enter(session.client)
  const destination = await authorize(session, request, parts, limit.signal)
  return await dialServer(session, destination, parts, limit.signal)
}

/** The session's name comes from the gateway; a foreign first hop has none, and gets one here. */
function openSession(hop: Leg, { credentials }: ConnectRequest, { sessions }: ProxyParts): Session {
  const named = credentials !== undefined && isSessionId(credentials.username)
  return named ? sessions.open(hop, credentials.username) : sessions.open(hop)
}

/** Where this CONNECT may lead: by a grant, by the ticket it names, or by the allowlist alone. */
async function authorize(
  session: Session,
  { destination, credentials }: ConnectRequest,
  parts: ProxyParts,
  signal: AbortSignal,
): Promise<Endpoint> {
  if (parts.settings.authorization === 'allowlist') return canonical(destination)
  if (credentials === undefined || !isSessionId(credentials.username))
    throw fault('DH_SESSION_ID', {})
  if (looksLikeTicket(destination.host)) {
    if (credentials.password !== '-')
      throw fault('DH_GRANT_FORM', { why: 'beside a ticket the password is "-"' })
    return await redeemHere(session, destination, parts.stas, signal)
  }
  const wanted = canonical(destination)
  await takeGrant(session, credentials.password, wanted, parts)
  return wanted
}

async function takeGrant(
  session: Session,
  token: string,
  wanted: Endpoint,
  { grants }: ProxyParts,
): Promise<void> {
  const server = formatEndpoint(wanted)
  try {
    await grants.take(token, session.id, session.client, wanted)
    session.audit('grant-accepted', { server })
  } catch (error) {
    session.audit('grant-refused', { server, code: asFault(error).code })
    throw error
  }
}

/** 6 dial – the proxy opens the connection to the server. */
async function dialServer(
  session: Session,
  destination: Endpoint,
  { settings, destinations }: ProxyParts,
  signal: AbortSignal,
): Promise<Leg> {
  const done = session.step('dial')
  const server = await dial(destination, {
    milliseconds: settings.limits.dial,
    from: settings.addresses,
    keep: settings.limits.earlyData,
    permit: (address) => destinations.permit(address),
    signal,
  })
  done('proxy → vda', formatEndpoint(server.peer), { from: formatEndpoint(server.local) })
  return server
}

function canonical({ host, port }: Endpoint): Endpoint {
  const spelt = canonicalHost(host)
  if (spelt === undefined || port === 0) {
    throw fault('DH_DESTINATION_FORBIDDEN', {
      destination: `${host}:${port}`,
      why: 'it is no address',
    })
  }
  return { host: spelt, port }
}
