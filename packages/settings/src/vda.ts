import { z } from 'zod'
import { count, duration } from './units.ts'
import { common, dialEndpoint, listenEndpoint, name } from './values.ts'

const app = z
  .strictObject({
    name: name.describe('the published name'),
    kind: z.enum(['echo', 'source', 'sink', 'clock', 'tcp']).describe('what it does with a session'),
    listenCgp: listenEndpoint.optional().describe('2598-style: silent until spoken to'),
    listenIca: listenEndpoint.optional().describe('1494-style: the ICA greeting first'),
    target: dialEndpoint.optional().describe('tcp: the server that stands behind it'),
    seed: z.string().default('doublehop').describe('source: the seed of its stream'),
  })
  .superRefine(({ kind, target, listenCgp, listenIca }, context) => {
    if ((kind === 'tcp') !== (target !== undefined)) {
      context.addIssue({ code: 'custom', path: ['target'], message: 'expected for kind tcp, and for no other' })
    }
    if (listenCgp === undefined && listenIca === undefined) {
      context.addIssue({ code: 'custom', path: ['listenCgp'], message: 'expected listenCgp or listenIca' })
    }
  })

export const vdaSection = (folder: string) =>
  z.strictObject({
    ...common(folder),
    apps: z.array(app).min(1).describe('the published applications this server runs'),
    greetingTimeout: duration('30 s').describe('how long a 1494 client may stay silent'),
    sessions: count(10_000).describe('sessions at once'),
    drainTimeout: duration('5 min').describe('how long SIGTERM waits for sessions to end'),
  })

export type VdaSettings = z.output<ReturnType<typeof vdaSection>>
export type VdaApp = VdaSettings['apps'][number]
