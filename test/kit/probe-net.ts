import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Observation } from '@doublehop/firewall/check/observation'
import type { Probe } from '@doublehop/firewall/check/plan'
import type { Test } from 'tap'
import { missing, toolPath } from './tools.ts'

const AGENT = new URL('./probe-agent.ts', import.meta.url)
const SERVICES = new URL('./probe-services.ts', import.meta.url)

/** Why a test that needs a firewall of its own cannot run. @throws Error instead with DOUBLEHOP_REQUIRE=all */
export function withoutFirewall(...tools: string[]): string | false {
  const reason =
    (process.platform !== 'linux' && 'network namespaces are Linux’s') ||
    missing('ip', 'nft', 'unshare', 'nsenter', ...tools) ||
    (process.getuid?.() !== 0 && 'only root may make network namespaces')
  if (reason === false) return false
  if (process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/** The addresses of the two hosts and of the firewall between them, in both families. */
export const NEAR = { v4: '10.2.0.2', v6: '2001:db8:2::2' } as const
export const FAR = { v4: '10.3.0.2', v6: '2001:db8:3::2' } as const
export const WALL = { v4: '10.2.0.254', v6: '2001:db8:2::254' } as const
const WALL_FAR = { v4: '10.3.0.254', v6: '2001:db8:3::254' } as const
/** What is no host behind the firewall. */
export const NOBODY = { v4: '10.3.0.99', v6: '2001:db8:3::99' } as const
/** A network that the firewall has no way to. */
export const NOWHERE = { v4: '10.77.0.1', v6: '2001:db8:77::1' } as const

/** What one probe saw, and how long it took. */
export interface Timed {
  readonly observation: Observation
  readonly milliseconds: number
}

export interface ObserveAsk {
  readonly probes: readonly Probe[]
  readonly timeoutMilliseconds: number
  /** see with tcpdump */
  readonly witness?: boolean
}

/**
 * Two hosts and a firewall between them, each a network namespace that goes with this process. In the far one services
 * run (`probe-services.ts`), in the near one an agent observes.
 */
export class ProbeNet {
  readonly #near: Space
  readonly #wall: Space
  readonly #test: Test
  readonly #agent: Agent

  private constructor(test: Test, [near, wall]: readonly Space[], agent: Agent) {
    this.#test = test
    this.#near = near as Space
    this.#wall = wall as Space
    this.#agent = agent
  }

  /** @param certs folder of the lab's certificates, for the services */
  static async open(test: Test, certs: string): Promise<ProbeNet> {
    const spaces = await Promise.all([Space.open(test), Space.open(test), Space.open(test)])
    const [near, wall, far] = spaces
    connect(near, NEAR, wall, WALL, 'near')
    connect(far, FAR, wall, WALL_FAR, 'far')
    wall.run(
      'sh',
      '-c',
      'cd /proc/sys/net; echo 1 >ipv4/ip_forward; echo 1 >ipv6/conf/all/forwarding',
    )
    // A firewall that sends few ICMP errors a second is silent towards the rest.
    wall.run(
      'sh',
      '-c',
      'cd /proc/sys/net; echo 0 >ipv4/icmp_ratelimit; echo 0 >ipv6/icmp/ratelimit',
    )
    const services = new Agent(test, far, SERVICES, certs)
    const agent = new Agent(test, near, AGENT)
    await Promise.all([services.ready, agent.ready])
    return new ProbeNet(test, spaces, agent)
  }

  /** Runs these probes in the near host, all at once. */
  async observe(ask: ObserveAsk): Promise<Timed[]> {
    return await this.#agent.ask(ask)
  }

  /** The rules of the firewall from now on: what its forward chain does before it lets everything else pass. */
  rules(...rules: readonly string[]): void {
    const chain = ['type filter hook forward priority 0; policy accept;', ...rules].join('\n')
    const table = `table inet wall {\nchain forward {\n${chain}\n}\n}\n`
    this.#wall.feed(`flush ruleset\n${table}`, 'nft', '-f', '-')
  }

  /** Runs a command in the near host. */
  atNear(...command: readonly [string, ...string[]]): string {
    return this.#near.run(...command)
  }

  /** One more agent in the near host. */
  agent(): Agent {
    return new Agent(this.#test, this.#near, AGENT)
  }

  /** How many tcpdump run in the near host. */
  captures(): number {
    const space = readlinkSync(`/proc/${this.#near.pid}/ns/net`)
    const isCapture = (pid: string): boolean => {
      try {
        const isTcpdump = readFileSync(`/proc/${pid}/comm`, 'utf8') === 'tcpdump\n'
        return isTcpdump && readlinkSync(`/proc/${pid}/ns/net`) === space
      } catch {
        return false // it has just ended
      }
    }
    return readdirSync('/proc').filter(isCapture).length
  }
}

/** A namespace, held by a process that ends with us: it reads until its input is closed. */
export class Space {
  readonly #holder: ChildProcess

  private constructor(holder: ChildProcess) {
    this.#holder = holder
  }

  static async open(test: Test): Promise<Space> {
    const holder = spawn(toolPath('unshare'), ['--net', 'sh', '-c', 'echo up; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    test.teardown(async () => {
      holder.stdin.end()
      if (holder.exitCode === null) await once(holder, 'exit')
    })
    await once(holder.stdout, 'data')
    const space = new Space(holder)
    // An address would be of no use for a second or two while the kernel looks whether another host has it.
    space.run(
      'sh',
      '-c',
      'cd /proc/sys/net/ipv6/conf; echo 0 >default/accept_dad; echo 0 >all/accept_dad',
    )
    space.run('ip', 'link', 'set', 'lo', 'up')
    return space
  }

  get pid(): number {
    return this.#holder.pid ?? 0
  }

  /** Arguments of nsenter, before the command. */
  get into(): string[] {
    return [`--net=/proc/${this.pid}/ns/net`]
  }

  run(...command: readonly [string, ...string[]]): string {
    return this.feed('', ...command)
  }

  /** Runs a command with this as its input. */
  feed(input: string, ...[tool, ...args]: readonly [string, ...string[]]): string {
    const command = [...this.into, toolPath(tool), ...args]
    const options = { input, encoding: 'utf8' } as const
    const { status, stdout, stderr } = spawnSync(toolPath('nsenter'), command, options)
    if (status !== 0) throw new Error(`${tool} ${args.join(' ')}: ${stderr}`)
    return stdout
  }
}

interface Addresses {
  readonly v4: string
  readonly v6: string
}

function connect(host: Space, at: Addresses, wall: Space, gate: Addresses, card: string): void {
  wall.run('ip', 'link', 'add', card, 'type', 'veth', 'peer', 'name', 'eth', 'netns', `${host.pid}`)
  for (const [space, name, { v4, v6 }] of [
    [host, 'eth', at],
    [wall, card, gate],
  ] as const) {
    space.run('ip', 'address', 'add', `${v4}/24`, 'dev', name)
    space.run('ip', 'address', 'add', `${v6}/64`, 'dev', name, 'nodad')
    space.run('ip', 'link', 'set', name, 'up')
  }
  host.run('ip', 'route', 'add', 'default', 'via', gate.v4)
  host.run('ip', '-6', 'route', 'add', 'default', 'via', gate.v6)
}

/** A script of this folder in a namespace, which says a line when it is ready. It ends when its input does. */
class Agent {
  readonly #child: ChildProcess
  readonly #asked = new Map<number, (timed: Timed[]) => void>()
  readonly ready: Promise<unknown>

  constructor(test: Test, space: Space, script: URL, ...args: readonly string[]) {
    const command = [...space.into, process.execPath, fileURLToPath(script), ...args]
    const child = spawn(toolPath('nsenter'), command, { stdio: ['pipe', 'pipe', 'inherit'] })
    test.teardown(async () => {
      child.stdin.on('error', () => {}).end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    })
    this.#child = child
    const lines = createInterface({ input: child.stdout })
    this.ready = once(lines, 'line')
    lines.on('line', (line) => {
      const { id, timed } = JSON.parse(line) as { id?: number; timed: Timed[] }
      if (id !== undefined) this.#asked.get(id)?.(timed)
    })
  }

  ask(question: object): Promise<Timed[]> {
    const id = this.#asked.size
    const { promise, resolve } = Promise.withResolvers<Timed[]>()
    this.#asked.set(id, resolve)
    this.#child.stdin?.write(`${JSON.stringify({ id, ...question })}\n`)
    return promise
  }

  /** Without a chance to clean up. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
