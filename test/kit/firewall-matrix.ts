import { REFUSALS, type Refusal } from '@doublehop/cli/lab/isolated/refusals'
import type { Family } from '@doublehop/cli/lab/isolated/topology'
import { exitCodeOf } from '@doublehop/firewall/check/exit'
import type { Flow } from '@doublehop/firewall/flows/flow'
import { firewallsText, place } from '@doublehop/firewall/flows/flow'
import { FIREWALLS } from '@doublehop/firewall/flows/paths'
import type { Test } from 'tap'
import { IsolatedWorld } from './isolated-world.ts'
import { found, ZoneAgents } from './zone-agents.ts'

/** An isolated lab whose whole matrix is checked again and again while its firewalls are broken and mended. */
export class FirewallMatrix {
  readonly world: IsolatedWorld
  readonly agents: ZoneAgents

  private constructor(world: IsolatedWorld, agents: ZoneAgents) {
    this.world = world
    this.agents = agents
  }

  static async up(t: Test, family: Family): Promise<FirewallMatrix> {
    const world = await IsolatedWorld.up(t, { family })
    return new FirewallMatrix(world, await ZoneAgents.start(world))
  }

  get needed(): readonly Flow[] {
    return this.world.flows.filter(({ expect }) => expect === 'allow')
  }

  get forbidden(): readonly Flow[] {
    return this.world.flows.filter(({ expect }) => expect === 'deny')
  }

  /** The first needed flow of each firewall. */
  get oneOfEachFirewall(): readonly Flow[] {
    return FIREWALLS.flatMap(
      (firewall) => this.needed.find(({ firewalls }) => firewalls.includes(firewall)) ?? [],
    )
  }

  /** Without its rule a flow is found as filtered, with the firewall and the rule to add, and nothing else is. */
  async missesRule(t: Test, flow: Flow): Promise<void> {
    const { routers } = this.world
    await routers.drop(flow.id)
    const joined = await this.agents.check()
    await routers.reset()
    t.same(found(joined), [`DH_FW_FILTERED ${flow.firewalls.join('')} ${flow.id}`], flow.id)
    t.match(joined.findings, [{ sentence: `${allowing(flow)}. Silence, so a rule drops it` }])
    this.#followsFrom(t, flow, joined)
  }

  /** The same where the firewall says so aloud. */
  async meetsRejection(t: Test, flow: Flow, how: Refusal): Promise<void> {
    const { routers } = this.world
    await routers.reject(flow.id, undefined, how)
    const joined = await this.agents.check()
    await routers.reset()
    const observed = how === 'tcp-reset' ? 'CLOSED' : 'REJECTED'
    const expected = [`DH_FW_${observed} ${flow.firewalls.join('')} ${flow.id}`]
    t.same(found(joined), expected, `${flow.id}, ${how}`)
    t.match(joined.findings, [{ sentence: allowing(flow) }])
    this.#followsFrom(t, flow, joined)
  }

  /** A flow that nobody may have is found as soon as it is open on its whole path, and nothing else is. */
  async findsHole(t: Test, flow: Flow): Promise<void> {
    const { routers } = this.world
    await routers.leak(flow.id)
    const joined = await this.agents.check()
    await routers.reset()
    t.same(found(joined), [`DH_FW_LEAK ${flow.firewalls.join('')} ${flow.id}`], flow.id)
    const let_ = flow.firewalls.length === 1 ? 'lets' : 'let'
    const through = `${firewallsText(flow.firewalls)} ${let_} ${ruleOf(flow)} through`
    t.match(joined.findings, [{ level: 'leak', sentence: `${through}: remove that rule.` }])
    const others = joined.rows.filter((row) => row.verdict !== 'PASS')
    t.same(
      others.map((row) => `${row.flow.id} ${row.verdict}`),
      [`${flow.id} LEAK`],
      'every other flow is as it must be',
    )
    t.not(joined.paths.length, 0, 'the ways behind the flows were tried')
    for (const path of joined.paths) t.equal(path.verdict, 'PASS', path.label)
    t.equal(exitCodeOf(joined.verdict), 2)
  }

  /** Everything that does not pass is the flow itself, or a way that leads through it. */
  #followsFrom(
    t: Test,
    flow: Flow,
    { rows, paths, verdict }: Awaited<ReturnType<ZoneAgents['check']>>,
  ): void {
    const blocked = rows.filter((row) => row.verdict !== 'PASS').map((row) => row.flow.id)
    t.same(blocked, [flow.id], 'no other flow is touched')
    for (const path of paths) {
      const leads = [path.through, ...path.behind].includes(flow.id)
      t.equal(path.verdict, leads ? 'SKIP' : 'PASS', path.label)
    }
    t.equal(exitCodeOf(verdict), 1)
  }
}

/** Host unreachable is what a router says of a host that is down, so from a firewall nobody can take it for a rule. */
const PLAIN = REFUSALS.filter((one) => one !== 'host-unreachable')

/** Every kind of refusal in turn. */
export function refusalOf(index: number): Refusal {
  return PLAIN[index % PLAIN.length] as Refusal
}

function allowing(flow: Flow): string {
  return `${firewallsText(flow.firewalls)}: allow ${ruleOf(flow)}`
}

function ruleOf(flow: Flow): string {
  return `${flow.protocol} ${flow.from.address} → ${place(flow)}`
}
