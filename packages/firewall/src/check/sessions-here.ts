import { formatEndpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import { z } from 'zod'
import { text } from './bounded.ts'
import type { Admin } from './plan.ts'
import type { Seen } from './result.ts'

/** It answers out of its memory, on loopback. */
const PATIENCE_MILLISECONDS = 4000
const MOST = 1000
/** Far more than a daemon tells of all its sessions; whoever else listens there may say more. */
const MOST_BYTES = 16 * 1024 * 1024

const connection = z.looseObject({
  peer: text,
  peerName: text.optional(),
  server: text.optional(),
})
/** A connection that carries no session yet shows the source address as well. */
const shown = z.object({
  sessions: z.array(connection),
  hopConnections: z.array(connection).prefault([]),
})

/** What the daemons of this host tell of their connections; those of other hosts do not answer here. */
export async function sessionsHere(admins: readonly Admin[]): Promise<Seen[]> {
  const told = await Promise.all(admins.map(sessionsOf))
  return told.flat()
}

async function sessionsOf({ daemon, at }: Admin): Promise<Seen[]> {
  const place = parseEndpoint(at)
  if (place === undefined) return []
  try {
    const signal = AbortSignal.timeout(PATIENCE_MILLISECONDS)
    const url = `http://${formatEndpoint(place)}/sessions`
    const response = await fetch(url, { signal, redirect: 'error' })
    const { sessions, hopConnections } = shown.parse(JSON.parse(await textOf(response)))
    return [...sessions, ...hopConnections].slice(0, MOST).map(({ peer, peerName, server }) => ({
      ...{ daemon, peer },
      ...(peerName !== undefined && { peerName }),
      ...(server !== undefined && { server }),
    }))
  } catch {
    return []
  }
}

/** @throws Error when it is too long */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.length
    if (bytes > MOST_BYTES) throw new Error('too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
