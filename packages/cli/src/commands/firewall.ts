import { fault } from '@doublehop/errors/fault'
import { firewallsText, route } from '@doublehop/firewall/flows/flow'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { FIREWALLS, type Firewall } from '@doublehop/firewall/flows/paths'
import { loadSettings } from '@doublehop/settings/load'
import { prefixInto } from '../lab/isolated/enter.ts'
import type { Refusal } from '../lab/isolated/refusals.ts'
import { Routers } from '../lab/isolated/routers.ts'
import { findLab } from '../lab/lab-state.ts'

export interface FirewallCommandOptions {
  /** only this one; left out, every one that it concerns */
  readonly firewall?: Firewall | undefined
  readonly state: string
}

/** doublehop firewall show: what each firewall has loaded. */
export async function firewallShow({ firewall, state }: FirewallCommandOptions): Promise<void> {
  const routers = routersOf(state)
  for (const one of firewall === undefined ? FIREWALLS : [firewall])
    process.stdout.write(`# firewall ${one}\n${await routers.show(one)}\n`)
}

/** doublehop firewall drop FLOW */
export async function firewallDrop(id: string, options: FirewallCommandOptions): Promise<void> {
  const routers = routersOf(options.state)
  await routers.drop(id, options.firewall)
  await routers.cut(id)
  tellOfFlow(routers, id, options, 'drops')
}

/** doublehop firewall reject FLOW */
export async function firewallReject(
  id: string,
  options: FirewallCommandOptions & { readonly as?: Refusal | undefined },
): Promise<void> {
  const routers = routersOf(options.state)
  await routers.reject(id, options.firewall, options.as)
  await routers.cut(id)
  tellOfFlow(routers, id, options, 'refuses')
}

/** doublehop firewall leak FLOW */
export async function firewallLeak(id: string, options: FirewallCommandOptions): Promise<void> {
  const routers = routersOf(options.state)
  await routers.leak(id, options.firewall)
  tellOfFlow(routers, id, options, 'lets through')
}

/** doublehop firewall mute FLOW */
export async function firewallMute(id: string, options: FirewallCommandOptions): Promise<void> {
  const routers = routersOf(options.state)
  await routers.mute(id, options.firewall)
  tellOfFlow(routers, id, options, 'loses the answers to')
}

/** doublehop firewall idle-timeout SECONDS */
export async function firewallIdleTimeout(
  seconds: number,
  { firewall, state }: FirewallCommandOptions,
): Promise<void> {
  await routersOf(state).idleTimeout(seconds, firewall)
  tell(
    firewall,
    `forgets connections that are silent for ${seconds} s, the open ones from their next packet on`,
  )
}

/** doublehop firewall mtu BYTES */
export async function firewallMtu(
  bytes: number,
  { firewall, state }: FirewallCommandOptions,
): Promise<void> {
  await routersOf(state).mtu(bytes, firewall)
  tell(firewall, `loses packets of more than ${bytes} bytes, and tells nobody`)
}

/** doublehop firewall loss PERCENT */
export async function firewallLoss(
  percent: number,
  { firewall, state }: FirewallCommandOptions,
): Promise<void> {
  await routersOf(state).loss(percent, firewall)
  tell(firewall, `loses ${percent} of 100 packets`)
}

/** doublehop firewall snat N */
export async function firewallSnat(firewall: Firewall, state: string): Promise<void> {
  await routersOf(state).snat(firewall)
  tell(firewall, 'puts its own address in the place of every source')
}

/** doublehop firewall state-off N */
export async function firewallStateOff(firewall: Firewall, state: string): Promise<void> {
  await routersOf(state).stateOff(firewall)
  tell(firewall, 'lets no answer through')
}

/** doublehop firewall reset */
export async function firewallReset({ firewall, state }: FirewallCommandOptions): Promise<void> {
  await routersOf(state).reset(firewall)
  tell(firewall, 'has the rules of the configuration again, and nothing else')
}

/** @throws Fault DH_NO_LAB, DH_LAB_NOT_ISOLATED, DH_LAB_ISOLATION */
function routersOf(state: string): Routers {
  const { config, isolation } = findLab(state)
  if (isolation === undefined) throw fault('DH_LAB_NOT_ISOLATED', { folder: state })
  return new Routers(flowsOf(loadSettings(config)), (place) => prefixInto(place, isolation))
}

function tellOfFlow(
  routers: Routers,
  id: string,
  { firewall }: FirewallCommandOptions,
  does: string,
): void {
  const flow = routers.flow(id)
  const who = firewallsText(firewall === undefined ? flow.firewalls : [firewall])
  process.stdout.write(`${who}: ${does} ${id}, ${flow.protocol} ${route(flow)}\n`)
}

function tell(firewall: Firewall | undefined, does: string): void {
  const who = firewall === undefined ? 'each firewall' : `firewall ${firewall}`
  process.stdout.write(`${who} ${does}\n`)
}
