import { styleText } from 'node:util'
import { demonstrate } from '../lab/demo.ts'
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
}

/** How long Ctrl-C waits for sessions; a second Ctrl-C does not wait. */
const GRACE_MILLISECONDS = 5000

/** doublehop up: the lab, until Ctrl-C. @returns the exit code */
export async function up(options: UpOptions): Promise<number> {
  const lab = new Lab({
    folders: { state: options.state, certs: options.certs },
    ephemeral: options.ephemeral,
    apps: options.app,
    onNotice: (text) => process.stderr.write(`doublehop: ${text}\n`),
  })
  const ended = signalled()
  try {
    const state = await lab.start()
    if (options.json) process.stdout.write(`${JSON.stringify(state)}\n`)
    else await show(state, options)
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

async function show(lab: LabState, { demo, certs }: UpOptions): Promise<void> {
  process.stdout.write(`${banner(lab, certs)}\n`)
  if (demo) {
    process.stdout.write('launching echo …\n')
    const { session, steps } = await demonstrate(lab)
    process.stdout.write(`${dim(`  session ${session}`)}\n${stepTable(steps, process.stdout)}\n`)
  }
  process.stdout.write(
    'ready. Try:  npx doublehop launch --app echo --steps      Ctrl-C ends the lab.\n',
  )
}

function banner({ gateway, proxy, storefront, sta, vda }: LabState, certs: string): string {
  const port = (app: string, kind: string) => vda.apps[app]?.[kind]
  const others = Object.keys(vda.apps)
    .filter((app) => app !== 'echo')
    .map((app) => `${app} :${port(app, 'cgp')}`)
  const row = (name: string, where: string, what: string) =>
    `  ${bold(name.padEnd(11))}${where.padEnd(24)}${dim(what)}\n`
  return (
    `${bold('doublehop lab')} · zones on loopback · certificates in ${certs}/\n\n` +
    row(
      'gateway',
      `${gateway.host}:${gateway.port}`,
      'DMZ 1     TLS: SOCKS5, CGP and HTTP on one port',
    ) +
    row('proxy', `${proxy.host}:${proxy.port}`, 'DMZ 2     SOCKS5 over mutual TLS') +
    row(
      'storefront',
      `${storefront.host}:${storefront.port}`,
      'DMZ 2     only through the gateway',
    ) +
    row('sta', sta.url, 'internal  tickets') +
    row(
      'vda',
      `${vda.host}:${vda.port}`,
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
