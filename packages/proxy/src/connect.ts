import { Deadline } from '@doublehop/daemon/deadline'
import { dial } from '@doublehop/daemon/dial'
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
  const { settings, sessions } = parts
  const asked = performance.now()
  const session = openSession(hop, request, parts)
  const seconds = settings.limits.launch / 1000
  using deadline = new Deadline(settings.limits.launch, () =>
    fault('DH_LAUNCH_DEADLINE', { seconds, step: session.reached }),
  )
  const clientGone = new AbortController()
  const onGone = (): void => clientGone.abort(fault('DH_CLIENT_GONE', { step: session.reached }))
  hop.gone.addEventListener('abort', onGone)
  const signal = AbortSignal.any([deadline.signal, clientGone.signal])
  try {
    if (sessions.count > settings.limits.sessions) throw fault('DH_LIMIT_SESSIONS', { limit: settings.limits.sessions })
    const destination = await authorize(session, hop, request, parts, signal)
    const server = await dialServer(session, destination, parts, signal)
    hop.write(encodeReply(REPLY.succeeded))
    hop.gone.removeEventListener('abort', onGone)
    await session.splice(server, settings.limits.idle)
  } catch (error) {
    const failure = asFault(error)
    session.fail(failure)
    await refuse(hop, failure, asked)
  }
}

/** The session's name comes from the gateway; a foreign first hop has none, and gets one here. */
function openSession(hop: Leg, { credentials }: ConnectRequest, { sessions }: ProxyParts): Session {
  const named = credentials !== undefined && isSessionId(credentials.username)
  return named ? sessions.open(hop, credentials.username) : sessions.open(hop)
}

/** Where this CONNECT may lead: by a grant, by the ticket it names, or by the allowlist alone. */
async function authorize(
  session: Session,
  hop: Leg,
  { destination, credentials }: ConnectRequest,
  parts: ProxyParts,
  signal: AbortSignal,
): Promise<Endpoint> {
  if (parts.settings.authorization === 'allowlist') return canonical(destination)
  if (credentials === undefined || !isSessionId(credentials.username)) throw fault('DH_SESSION_ID', {})
  if (looksLikeTicket(destination.host)) return await redeemHere(session, destination, parts.stas, signal)
  const wanted = canonical(destination)
  await parts.grants.take(credentials.password, session.id, hop, wanted)
  return wanted
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
  done('proxy → vda', formatEndpoint(server.peer))
  return server
}

function canonical({ host, port }: Endpoint): Endpoint {
  const spelt = canonicalHost(host)
  if (spelt === undefined || port === 0) {
    throw fault('DH_DESTINATION_FORBIDDEN', { destination: `${host}:${port}`, why: 'it is no address' })
  }
  return { host: spelt, port }
}
