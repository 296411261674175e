import { styleText } from 'node:util'
import { fault } from '@doublehop/errors/fault'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { demonstrate, demonstrateInside } from '../lab/demo.ts'
import { type Ground, Loopback } from '../lab/ground.ts'
import { IsolatedGround } from '../lab/isolated/isolated-ground.ts'
import { assertPossible } from '../lab/isolated/possible.ts'
import { Lab } from '../lab/lab.ts'
import type { ExtraApp } from '../lab/lab-settings.ts'
import type { LabState } from '../lab/lab-state.ts'
import { stepTable } from '../step-table.ts'

export interface UpOptions {
  readonly ephemeral: boolean
  readonly demo: boolean
  readonly json: boolean
  readonly app: readonly ExtraApp[]
  readonly state: string
  readonly certs: string
  /** each daemon in a network namespace of its own, behind firewalls */
  readonly isolate?: 'netns' | undefined
  /** which addresses an isolated lab has; 4 if left out */
  readonly family?: '4' | '6' | undefined
}

/** How long Ctrl-C waits for sessions; a second Ctrl-C does not wait. */
const GRACE_MILLISECONDS = 5000

/** doublehop up: the lab, until Ctrl-C. @returns the exit code */
export async function up(options: UpOptions): Promise<number> {
  const isolated = isolatedGround(options)
  const ground: Ground = isolated ?? new Loopback(options.ephemeral, options.app)
  const lab = new Lab({
    folders: { state: options.state, certs: options.certs },
    ground,
    onNotice: (text) => process.stderr.write(`doublehop: ${text}\n`),
  })
  const ended = signalled()
  try {
    const state = await lab.start()
    if (options.json) process.stdout.write(`${JSON.stringify(state)}\n`)
    else await show(state, options, isolated)
    await ended
    if (!options.json) process.stdout.write('\nstopping …\n')
  } catch (error) {
    await lab.stop(0)
    throw error
  }
  const drained = await lab.stop(GRACE_MILLISECONDS)
  if (!options.json)
    process.stdout.write(
      drained
        ? 'stopped, every session had ended\n'
        : 'stopped; sessions that were open were cut\n',
    )
  return 0
}

/** @throws Fault DH_USAGE, DH_LAB_ISOLATION */
function isolatedGround({ isolate, family = '4', app }: UpOptions): IsolatedGround | undefined {
  if (isolate === undefined) return undefined
  if (app.length > 0)
    throw fault('DH_USAGE', {
      why: 'an isolated lab reaches no server outside: leave out --app, or --isolate',
    })
  assertPossible()
  return new IsolatedGround({ family: family === '6' ? 6 : 4 })
}

async function show(
  lab: LabState,
  { demo, certs }: UpOptions,
  isolated: IsolatedGround | undefined,
): Promise<void> {
  process.stdout.write(`${banner(lab, certs)}\n`)
  if (demo) {
    process.stdout.write('launching echo …\n')
    const { session, steps } =
      isolated === undefined
        ? await demonstrate(lab)
        : await demonstrateInside(lab, isolated.inside('internet'))
    process.stdout.write(`${dim(`  session ${session}`)}\n${stepTable(steps, process.stdout)}\n`)
  }
  if (isolated !== undefined)
    process.stdout.write('Break a firewall:  npx doublehop firewall drop gateway-proxy-1080\n')
  process.stdout.write(
    'ready. Try:  npx doublehop launch --app echo --steps      Ctrl-C ends the lab.\n',
  )
}

function banner(lab: LabState, certs: string): string {
  const { gateway, proxy, storefront, sta, vda, isolation } = lab
  const zones = isolation === undefined ? 'on loopback' : 'in network namespaces'
  const at = (host: string, port: number) => formatEndpoint({ host, port })
  const port = (app: string, kind: string) => vda.apps[app]?.[kind]
  const others = Object.keys(vda.apps)
    .filter((app) => app !== 'echo')
    .map((app) => `${app} :${port(app, 'cgp')}`)
  const row = (name: string, where: string, what: string) =>
    `  ${bold(name.padEnd(11))}${where.padEnd(24)}${dim(what)}\n`
  return (
    `${bold('doublehop lab')} · zones ${zones} · certificates in ${certs}/\n\n` +
    row(
      'gateway',
      at(gateway.host, gateway.port),
      'DMZ 1     TLS: SOCKS5, CGP and HTTP on one port',
    ) +
    row('proxy', at(proxy.host, proxy.port), 'DMZ 2     SOCKS5 over mutual TLS') +
    row('storefront', at(storefront.host, storefront.port), 'DMZ 2     only through the gateway') +
    row('sta', sta.url, 'internal  tickets') +
    row(
      'vda',
      at(vda.host, vda.port),
      `internal  echo, and ICA on :${port('echo', 'ica')} · ${others.join(' · ')}`,
    )
  )
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve()).once('SIGTERM', () => resolve())
  })
}

function bold(text: string): string {
  return styleText('bold', text, { stream: process.stdout })
}

function dim(text: string): string {
  return styleText('dim', text, { stream: process.stdout })
}
