import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Leg } from '@doublehop/daemon/leg'
import { millisecondsSince, type StepLine } from '@doublehop/daemon/steps'
import { fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { launch } from '@doublehop/workspace/launch'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import { runErrand } from './isolated/errand.ts'
import type { LabState } from './lab-state.ts'
import { loggedLaunch } from './nine-steps.ts'

const MEGABYTE = 1_000_000

/** What the first launch of a lab showed. */
export interface Demonstration {
  readonly session: string
  readonly steps: readonly StepLine[]
}

/** The same from inside a namespace of the lab. @param prefix of that namespace */
export async function demonstrateInside(
  lab: LabState,
  prefix: readonly string[],
): Promise<Demonstration> {
  const module = fileURLToPath(import.meta.resolve('./demo-process.ts'))
  return await runErrand(prefix, module, lab)
}

/** Launches `echo` through both hops with a ticket of the storefront, and sends a megabyte there and back. */
export async function demonstrate(lab: LabState): Promise<Demonstration> {
  const access = new GatewayAccess({ gateway: lab.gateway, ca: lab.ca })
  const storefront = new StorefrontClient(access, readFileSync(lab.token, 'utf8').trim())
  try {
    const { ticket } = await storefront.ticket('echo')
    const { leg, since } = await launch(access, { ticket, port: 2598, protocol: 'socks' })
    const client = formatEndpoint(leg.local)
    await thereAndBack(leg, randomBytes(MEGABYTE))
    const spliced = millisecondsSince(since)

    const logged = await loggedLaunch(join(dirname(lab.config), 'logs'), client)
    if (logged === undefined)
      throw fault('DH_INTERNAL', { what: `the logs do not tell of the launch of ${client}` })
    const steps = logged.steps.map((line) =>
      line.name === 'splice'
        ? { ...line, detail: '1.0 MB each way, identical', ms: spliced }
        : line,
    )
    return { session: logged.session, steps }
  } finally {
    storefront.close()
  }
}

/** Sends the bytes, ends its half, and holds what comes back against them. */
async function thereAndBack(leg: Leg, bytes: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const back: Uint8Array[] = []
  leg.listen({
    bytes: (chunk) => void back.push(chunk),
    end() {},
    drain() {},
    close: (error) => (error ? reject(error) : resolve()),
  })
  leg.write(bytes)
  leg.end()
  await promise
  if (!Buffer.concat(back).equals(bytes)) {
    throw fault('DH_INTERNAL', {
      what: `echo sent ${back.length} pieces back that are not what it was sent`,
    })
  }
}
