import { readFileSync } from 'node:fs'
import { join as joinPath } from 'node:path'
import { millisecondsSince, type StepLine } from '@doublehop/daemon/steps'
import { fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { parseIcaFile } from '@doublehop/wire/ica-file'
import { parseTicket, type Ticket } from '@doublehop/wire/ticket'
import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { join } from '@doublehop/workspace/join'
import { launch } from '@doublehop/workspace/launch'
import { type Access, type AccessOptions, enterWorkspace, openAccess } from '../access.ts'
import { loggedLaunch } from '../lab/nine-steps.ts'
import { stepTable } from '../step-table.ts'

export interface LaunchCommandOptions extends AccessOptions {
  readonly app?: string | undefined
  readonly ticket?: string | undefined
  readonly port: '2598' | '1494'
  readonly protocol: 'socks' | 'cgp'
  readonly steps: boolean
}

interface Wanted {
  readonly gateway: GatewayAccess
  readonly ticket: Ticket
  readonly port: number
  readonly protocol: 'socks' | 'cgp'
}

/** doublehop launch: a session on standard input and output, until either side ends it. @returns the exit code */
export async function launchCommand(
  file: string | undefined,
  options: LaunchCommandOptions,
): Promise<number> {
  enterWorkspace(options)
  const { gateway, ...wanted } = await whatToLaunch(file, options)
  const seen: StepLine[] = []
  const { leg, since } = await launch(gateway, {
    ...wanted,
    greet: true,
    onStep: (line) => seen.push(line),
  })
  if (options.steps) await showSteps(seen, formatEndpoint(leg.local), options.state)

  const { up, down } = await join(leg, process.stdin, process.stdout)
  if (wanted.protocol === 'cgp' && down === 0) {
    process.stderr.write(
      'doublehop: the session ended without a byte, as a CGP launch does that is refused\n',
    )
  }
  if (options.steps) {
    process.stderr.write(
      `session over: ${up} bytes up, ${down} down, open ${(millisecondsSince(since) / 1000).toFixed(1)} s\n`,
    )
  }
  return 0
}

async function whatToLaunch(
  file: string | undefined,
  options: LaunchCommandOptions,
): Promise<Wanted> {
  const { app, ticket } = options
  if ([file, app, ticket].filter((one) => one !== undefined).length !== 1) {
    throw fault('DH_USAGE', {
      why: 'launch wants one of --app NAME, --ticket TICKET or an ICA file',
    })
  }
  if (file !== undefined) return fromIcaFile(file, options)
  const access = openAccess(options)
  const how = { gateway: access.gateway, port: Number(options.port), protocol: options.protocol }
  if (app !== undefined) return { ...how, ticket: await ticketFor(app, access) }
  return {
    ...how,
    ticket: parseTicket(ticket === '-' ? (process.env.DOUBLEHOP_TICKET ?? '') : (ticket ?? '')),
  }
}

/** An ICA file names its gateway; only whom to trust comes from elsewhere. */
function fromIcaFile(file: string, options: LaunchCommandOptions): Wanted {
  const { gateway, ...launch } = parseIcaFile(readText(file))
  const ca = options.ca ?? caOf(options)
  return { ...launch, gateway: new GatewayAccess({ gateway, serverName: options.serverName, ca }) }
}

function caOf(options: LaunchCommandOptions): string | undefined {
  try {
    return openAccess(options).gateway.address.ca
  } catch {
    return undefined // no lab here: the public CAs
  }
}

async function ticketFor(app: string, access: Access): Promise<Ticket> {
  const storefront = access.storefront()
  try {
    return (await storefront.ticket(app)).ticket
  } finally {
    storefront.close()
  }
}

/** All nine where the lab's logs tell them, and else what a client sees of them. */
async function showSteps(seen: StepLine[], client: string, state: string): Promise<void> {
  const logged = await loggedLaunch(joinPath(state, 'logs'), client)
  const splice: StepLine = {
    step: 9,
    name: 'splice',
    route: 'workspace ⇄ vda',
    detail: 'open',
    ms: 0,
  }
  process.stderr.write(`session ${logged?.session ?? `of ${client}`}\n`)
  process.stderr.write(stepTable(logged?.steps ?? [...seen, splice], process.stderr))
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw fault('DH_ICA_FILE', { why: `${file}: ${(error as NodeJS.ErrnoException).code}` }, error)
  }
}
