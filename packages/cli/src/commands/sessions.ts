import { fault } from '@doublehop/errors/fault'
import { z } from 'zod'
import { type AdminOptions, adminListeners } from '../admin-listeners.ts'
import { type Askable, askAdmin } from '../ask-admin.ts'
import { table } from '../table.ts'

/** Where one file or one lab holds these, the VDA would show each session a third time. */
const HOPS: readonly string[] = ['gateway', 'proxy']

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

/** doublehop sessions: what runs through gateway and proxy, or through the daemons that were named. */
export async function sessions(options: AdminOptions & { readonly json: boolean }): Promise<void> {
  const shown = await Promise.all(
    whomToAsk(options).map(
      async ({ daemon, ...where }) => [daemon, await askAdmin(where, '/sessions')] as const,
    ),
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

function whomToAsk(options: AdminOptions): (Askable & { readonly daemon: string })[] {
  const all = adminListeners(options)
  const askable = all.flatMap(({ at, ...one }) => (at === undefined ? [] : [{ ...one, at }]))
  if (askable.length === 0)
    throw fault('DH_CONFIG', {
      file: options.config ?? 'doublehop.yaml',
      path: `${all[0]?.daemon}.admin`,
      why: 'it is missing, and without it nobody can ask this daemon',
    })
  const hops = askable.filter(({ daemon }) => HOPS.includes(daemon))
  return hops.length > 0 ? hops : askable
}
