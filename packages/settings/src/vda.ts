import { z } from 'zod'
import { dialEndpoint, listenEndpoint } from './endpoints.ts'
import { hostDials, hostListens } from './host-traffic.ts'
import type { Listening, Traffic } from './traffic.ts'
import { count, duration } from './units.ts'
import { common, name, restart } from './values.ts'

const app = z
  .strictObject({
    name: name.describe('the published name'),
    kind: z
      .enum(['echo', 'source', 'sink', 'clock', 'tcp'])
      .describe(
        'what it does with a session: send back, send a stream, take all, tell the time, or join it to target',
      ),
    listenCgp: listenEndpoint
      .optional()
      .describe('where sessions of port 2598 arrive; silent until spoken to'),
    listenIca: listenEndpoint
      .optional()
      .describe('where sessions of port 1494 arrive; greets first'),
    target: dialEndpoint.optional().describe('the server behind kind tcp'),
    seed: z.string().default('doublehop').describe('seed of the stream of kind source'),
  })
  .superRefine(({ kind, target, listenCgp, listenIca }, context) => {
    if ((kind === 'tcp') !== (target !== undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['target'],
        message: 'expected for kind tcp, and for no other',
      })
    }
    if (listenCgp === undefined && listenIca === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['listenCgp'],
        message: 'expected listenCgp or listenIca',
      })
    }
  })

const limits = z
  .strictObject({
    greeting: duration('30 s').describe('how long a 1494 client may stay silent'),
    sessions: count(10_000).describe('sessions at once'),
  })
  .prefault({})

export const vdaSection = (folder: string) =>
  z.strictObject({
    ...common(folder),
    apps: restart(z.array(app).min(1).describe('the published applications this server runs')),
    limits: limits.describe('how long and how much'),
    drainTimeout: duration('5 min', 0).describe('how long SIGTERM waits for sessions to end'),
  })

export type VdaSettings = z.output<ReturnType<typeof vdaSection>>
export type VdaApp = VdaSettings['apps'][number]

/** Where the servers of the published apps listen, and what stands behind those of kind tcp. */
export function vdaTraffic(vda: VdaSettings, edt: boolean): Traffic {
  return {
    listens: [...vda.apps.flatMap((app) => appListens(app, edt)), ...hostListens(vda)],
    dials: [
      ...vda.apps.flatMap(({ name, target }) =>
        target === undefined
          ? []
          : [
              {
                ...({ to: target, called: name, transport: 'tcp', speaks: 'tcp' } as const),
                ...{ why: `the server behind ${name}`, steps: [] },
              },
            ],
      ),
      ...hostDials(vda),
    ],
  }
}

function appListens({ name, kind, listenCgp, listenIca }: VdaApp, edt: boolean): Listening[] {
  const places = [
    { listener: `${name}.cgp`, at: listenCgp, speaks: kind === 'echo' ? 'echo' : 'tcp' },
    { listener: `${name}.ica`, at: listenIca, speaks: 'ica' },
  ] as const
  return places.flatMap(({ listener, at, speaks }) => {
    if (at === undefined) return []
    const tcp = { listener, at, transport: 'tcp', speaks } as const
    return edt ? [tcp, { listener, at, transport: 'udp', speaks: 'edt' }] : [tcp]
  })
}
