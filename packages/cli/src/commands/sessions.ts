import { fault } from '@doublehop/errors/fault'
import { parseEndpoint } from '@doublehop/wire/endpoint'
import { z } from 'zod'
import { findLab } from '../lab/lab-state.ts'
import { table } from '../table.ts'

const Shown = z.object({
  sessions: z.array(
    z.looseObject({
      id: z.string().optional(),
      peer: z.string(),
      peerName: z.string().optional(),
      server: z.string().optional(),
      step: z.string().optional(),
      since: z.string(),
      bytesUp: z.number(),
      bytesDown: z.number(),
    }),
  ),
})

/** doublehop sessions: what runs through gateway and proxy. */
export async function sessions(options: {
  readonly admin?: readonly string[] | undefined
  readonly json: boolean
  readonly state: string
}): Promise<void> {
  const shown = await Promise.all(
    adminListeners(options).map(async ([name, at]) => [name, await ask(at)] as const),
  )
  if (options.json)
    return void process.stdout.write(`${JSON.stringify(Object.fromEntries(shown))}\n`)
  const rows = shown.flatMap(([name, answer]) =>
    Shown.parse(answer).sessions.map((one) => [
      name,
      one.id?.slice(0, 8) ?? '',
      one.peerName === undefined ? one.peer : `${one.peer} (${one.peerName})`,
      one.server ?? '',
      one.step ?? '',
      one.since,
      String(one.bytesUp),
      String(one.bytesDown),
    ]),
  )
  if (rows.length === 0) return void process.stdout.write('no session runs at this moment\n')
  process.stdout.write(
    table(['DAEMON', 'SESSION', 'PEER', 'SERVER', 'STEP', 'SINCE', 'UP', 'DOWN'], rows),
  )
}

function adminListeners({
  admin,
  state,
}: {
  admin?: readonly string[] | undefined
  state: string
}): [string, string][] {
  if (admin !== undefined) return admin.map((at) => [at, at])
  const { gateway, proxy } = findLab(state)
  return [
    ['gateway', gateway.admin],
    ['proxy', proxy.admin],
  ]
}

async function ask(at: string): Promise<unknown> {
  if (parseEndpoint(at) === undefined) throw fault('DH_USAGE', { why: `${at} is no address:port` })
  try {
    const response = await fetch(`http://${at}/sessions`, { signal: AbortSignal.timeout(5000) })
    return await response.json()
  } catch (error) {
    throw fault('DH_NO_LAB', { why: `${at} does not answer` }, error)
  }
}
