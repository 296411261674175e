import { fault } from '@doublehop/errors/fault'
import { type Flow, firewallsText } from '@doublehop/firewall/flows/flow'
import { FIREWALLS, type Firewall } from '@doublehop/firewall/flows/paths'
import { nftables, nftablesRule, type Verdict } from '@doublehop/firewall/rules/nftables'
import { type FlowRule, rulesetOf } from '@doublehop/firewall/rules/ruleset'
import { nearest } from '@doublehop/settings/nearest'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { loadedRules } from './loaded-rules.ts'
import type { Refusal } from './refusals.ts'
import { runInside } from './run-inside.ts'
import { LAB_HOSTS, type Place, routerOf } from './topology.ts'

const CHAIN = 'inet doublehop forward'
const NAT = 'inet doublehop_nat'
const CONNTRACK = '/proc/sys/net/netfilter/nf_conntrack_tcp'
/** nf_conntrack-sysctl: five days. */
const USUAL_IDLE_SECONDS = 432_000

/** What a rule of ours is called that makes a hole: never like a flow. */
type Hole = 'mtu' | 'loss' | 'mute'

/**
 * The firewalls of an isolated lab, to look at them, to break and to mend them while it runs. Every change takes some
 * milliseconds and holds for packets that come from then on; connections that are open stay open, except where said.
 */
export class Routers {
  readonly flows: readonly Flow[]
  readonly #inside: (place: Place) => readonly string[]

  /**
   * @param flows of the lab's configuration
   * @param inside what stands before a command that is to run at a place
   */
  constructor(flows: readonly Flow[], inside: (place: Place) => readonly string[]) {
    this.flows = flows
    this.#inside = inside
  }

  /** @throws Fault DH_FW_FLOW that names the nearest one */
  flow(id: string): Flow {
    const found = this.flows.find((flow) => flow.id === id)
    if (found !== undefined) return found
    const near = nearest(
      id,
      this.flows.map((flow) => flow.id),
    )
    throw fault('DH_FW_FLOW', {
      flow: id,
      nearest: near === undefined ? '' : `; did you mean ${near}?`,
    })
  }

  /** What is loaded, as `nft list ruleset` prints it. */
  show(firewall: Firewall): Promise<string> {
    return this.#run(firewall, ['nft', 'list', 'ruleset'])
  }

  /** The same as JSON, for `rules --diff`. */
  showJson(firewall: Firewall): Promise<string> {
    return this.#run(firewall, ['nft', '-j', 'list', 'ruleset'])
  }

  /** Takes the flow's rule away. @throws Fault DH_FW_FLOW, DH_USAGE where it has none */
  async drop(id: string, only?: Firewall): Promise<void> {
    const flow = this.flow(id)
    const path = pathOf(flow, only)
    const handles = await Promise.all(path.map((firewall) => this.#rulesNamed(firewall, id)))
    if (handles.flat().length === 0)
      throw fault('DH_USAGE', {
        why: `${firewallsText(path)} ${path.length === 1 ? 'has' : 'have'} no rule for ${id}: silence already`,
      })
    // One of them may have lost its rule before.
    await this.#each(path, async (firewall) => {
      const own = handles[path.indexOf(firewall)] ?? []
      if (own.length > 0) await this.#load(firewall, own.map(deletion))
    })
  }

  /** Refuses the flow aloud. @throws Fault DH_FW_FLOW, DH_USAGE */
  async reject(id: string, only?: Firewall, how: Refusal = 'port-unreachable'): Promise<void> {
    const flow = this.flow(id)
    const kind = how === 'tcp-reset' ? 'tcp reset' : `icmpx ${how}`
    const refusal = ruleFor(flow, 'rejected', 'reject').replace(' reject ', ` reject with ${kind} `)
    await this.#each(pathOf(flow, only), async (firewall) => {
      const [handle, ...more] = await this.#rulesNamed(firewall, id)
      const rule =
        handle === undefined
          ? `add rule ${CHAIN} ${refusal}`
          : `replace rule ${CHAIN} handle ${handle} ${refusal}`
      await this.#load(firewall, [rule, ...more.map(deletion)])
    })
  }

  /**
   * Ends the connections of a flow that are open, as when a firewall clears its sessions: they would outlive their
   * rule. Both ends are told, so that nobody waits for nothing.
   */
  async cut(id: string): Promise<void> {
    const { from, to, port, protocol } = this.flow(id)
    const host = LAB_HOSTS.find((one) => one === from.name)
    if (host === undefined || protocol !== 'tcp') return
    const destination = formatEndpoint({ host: to.address, port })
    await runInside(this.#inside(host), ['ss', '-K', '-Htn', 'dst', destination])
  }

  /** Lets a flow through, on all firewalls of its path or on one of them. @throws Fault DH_FW_FLOW, DH_USAGE */
  async leak(id: string, only?: Firewall): Promise<void> {
    const flow = this.flow(id)
    await this.#each(pathOf(flow, only), (firewall) =>
      this.#load(firewall, [`add rule ${CHAIN} ${ruleFor(flow, 'leak', 'accept')}`]),
    )
  }

  /** Loses what the destination answers; the flow itself arrives. @throws Fault DH_FW_FLOW, DH_USAGE */
  async mute(id: string, only?: Firewall): Promise<void> {
    const flow = this.flow(id)
    const { family, from, to, protocol, port } = flow
    const ip = family === 4 ? 'ip' : 'ip6'
    const back = from.network === 'any' ? '' : `${ip} daddr ${from.network} `
    await this.#each(pathOf(flow, only), (firewall) =>
      this.#dig(
        firewall,
        'mute',
        `${ip} saddr ${to.address} ${back}${protocol} sport ${port} drop`,
      ),
    )
  }

  /**
   * Forgets connections that were silent for so long, and does not pick them up again: what they send then belongs to
   * no connection, and is dropped.
   */
  async idleTimeout(seconds: number, only?: Firewall): Promise<void> {
    await this.#each(chosen(only), (firewall) => this.#connections(firewall, seconds, false))
  }

  /** Loses packets of more than so many bytes, and tells nobody. */
  async mtu(bytes: number, only?: Firewall): Promise<void> {
    await this.#each(chosen(only), (firewall) =>
      this.#dig(firewall, 'mtu', `meta length > ${bytes} drop`),
    )
  }

  /** Loses so many of a hundred packets, in both directions. @param percent 0 to 99 */
  async loss(percent: number, only?: Firewall): Promise<void> {
    await this.#each(chosen(only), (firewall) =>
      this.#dig(firewall, 'loss', `numgen random mod 100 < ${percent} drop`),
    )
  }

  /** Puts its own address in the place of every source that it passes on, or of one. */
  async snat(firewall: Firewall, source?: string): Promise<void> {
    const ip = source?.includes(':') ? 'ip6' : 'ip'
    const from = source === undefined ? '' : `${ip} saddr ${source} `
    const hook = 'type nat hook postrouting priority srcnat;'
    await this.#load(firewall, [
      `table ${NAT}`,
      `delete table ${NAT}`,
      `add table ${NAT}`,
      `add chain ${NAT} postrouting { ${hook} }`,
      `add rule ${NAT} postrouting ${from}masquerade`,
    ])
  }

  /** Takes the rule away that lets answers through: no connection works any more, those that are open included. */
  async stateOff(firewall: Firewall): Promise<void> {
    const handles = await this.#rulesNamed(firewall, 'established')
    await this.#load(firewall, handles.map(deletion))
  }

  /** Adds any rule at the end of what is passed on, such as one too many. @param rule as `nft add rule` takes it */
  async add(firewall: Firewall, rule: string): Promise<void> {
    await this.#load(firewall, [`add rule ${CHAIN} ${rule}`])
  }

  /** Takes every rule away whose comment begins with this name. @throws Fault DH_USAGE where there is none */
  async remove(firewall: Firewall, name: string): Promise<void> {
    const handles = await this.#rulesNamed(firewall, name)
    if (handles.length === 0)
      throw fault('DH_USAGE', { why: `firewall ${firewall} has no rule called ${name}` })
    await this.#load(firewall, handles.map(deletion))
  }

  /** Loads the rules of the configuration again, and undoes everything else. */
  async reset(only?: Firewall): Promise<void> {
    await this.#each(chosen(only), async (firewall) => {
      await Promise.all([
        this.#load(firewall, ['flush ruleset', nftables(rulesetOf(this.flows, firewall))]),
        this.#connections(firewall, USUAL_IDLE_SECONDS, true),
      ])
    })
  }

  /** Rules before all others; one of each kind. */
  async #dig(firewall: Firewall, hole: Hole, rule: string): Promise<void> {
    const name = `hole ${hole}`
    const before = hole === 'mute' ? [] : await this.#rulesNamed(firewall, name)
    await this.#load(firewall, [
      ...before.map(deletion),
      `insert rule ${CHAIN} ${rule} comment "${name}: ours"`,
    ])
  }

  async #rulesNamed(firewall: Firewall, name: string): Promise<number[]> {
    const list = await this.#run(firewall, [
      'nft',
      '-j',
      '-a',
      'list',
      'chain',
      ...CHAIN.split(' '),
    ])
    return loadedRules(list)
      .filter(({ comment }) => comment.startsWith(`${name}: `))
      .map(({ handle }) => handle)
  }

  async #connections(firewall: Firewall, idleSeconds: number, pickUp: boolean): Promise<void> {
    const script = `echo ${idleSeconds} >${CONNTRACK}_timeout_established && echo ${pickUp ? 1 : 0} >${CONNTRACK}_loose`
    await this.#run(firewall, ['sh', '-c', script])
  }

  async #load(firewall: Firewall, lines: readonly string[]): Promise<void> {
    await this.#run(firewall, ['nft', '-f', '-'], `${lines.join('\n')}\n`)
  }

  #run(firewall: Firewall, command: readonly string[], input?: string): Promise<string> {
    return runInside(this.#inside(routerOf(firewall)), command, input)
  }

  async #each(
    firewalls: readonly Firewall[],
    change: (firewall: Firewall) => Promise<void>,
  ): Promise<void> {
    await Promise.all(firewalls.map(change))
  }
}

function pathOf({ id, firewalls }: Flow, only: Firewall | undefined): readonly Firewall[] {
  if (only === undefined) return firewalls
  if (firewalls.includes(only)) return [only]
  throw fault('DH_USAGE', { why: `${id} passes ${firewallsText(firewalls)}, not ${only}` })
}

function chosen(only: Firewall | undefined): readonly Firewall[] {
  return only === undefined ? FIREWALLS : [only]
}

function ruleFor(flow: Flow, what: string, verdict: Verdict): string {
  const rule: FlowRule = {
    ...{ kind: 'flow', id: flow.id, chain: 'forward', flow },
    comment: `${flow.id}: ${what}`,
  }
  return nftablesRule(rule, verdict)
}

function deletion(handle: number): string {
  return `delete rule ${CHAIN} handle ${handle}`
}
