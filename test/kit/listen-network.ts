import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DeepResult } from '@doublehop/firewall/check/deep-result'
import { deepResult } from '@doublehop/firewall/check/deep-result'
import type { Probe } from '@doublehop/firewall/check/plan'
import type { DeepOptions } from '@doublehop/firewall/deep/deep'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { nftables } from '@doublehop/firewall/rules/nftables'
import { rulesetOf } from '@doublehop/firewall/rules/ruleset'
import { checkedSettings } from '@doublehop/settings/schema'
import type { Test } from 'tap'
import { type Ended, Program, run } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { toolPath } from './tools.ts'

const COMMAND = join(import.meta.dirname, '../../packages/cli/bin/doublehop.mjs')
const DEEP = fileURLToPath(import.meta.resolve('./listen-deep-process.ts'))

type Where = 'near' | 'router' | 'far'

const PORT = 1080
const NETWORKS = {
  4: { near: '10.2.0', far: '10.3.0', dot: '.', bits: 24 },
  6: { near: '2001:db8:2', far: '2001:db8:3', dot: '::', bits: 64 },
} as const

/** A host in DMZ 1 and one in DMZ 2, each in a namespace of its own, and firewall 2 between them, with its real rules. */
export class ListenNetwork {
  readonly near: string
  readonly far: string
  readonly #test: Test
  readonly #pids: Readonly<Record<Where, number>>
  readonly #file: string
  readonly #settings: object

  static async make(test: Test, family: 4 | 6 = 4): Promise<ListenNetwork> {
    const [near, router, far] = await Promise.all([hold(test), hold(test), hold(test)])
    const network = new ListenNetwork(test, { near, router, far }, family)
    await network.#wire(family)
    return network
  }

  private constructor(test: Test, pids: Readonly<Record<Where, number>>, family: 4 | 6) {
    const { near, far, dot, bits } = NETWORKS[family]
    this.#test = test
    this.#pids = pids
    this.near = `${near}${dot}2`
    this.far = `${far}${dot}2`
    const prefix = (name: string) => `${name}${family === 4 ? '.0' : '::'}/${bits}`
    this.#settings = settingsOf(this.near, this.far, prefix(near), prefix(far))
    this.#file = join(temporaryFolder(), 'doublehop.yaml')
    writeFileSync(this.#file, JSON.stringify(this.#settings))
  }

  /** Runs a shell script inside one of the three. */
  async sh(where: Where, script: string): Promise<Ended> {
    const ended = await run(this.#test, 'nsenter', [...this.#enter(where), 'sh', '-ec', script])
    if (ended.code !== 0) throw new Error(`${script}: ${ended.stderr}`)
    return ended
  }

  /** Puts a rule before all others of the firewall. */
  async breakBy(rule: string): Promise<void> {
    await this.sh('router', `nft 'insert rule inet doublehop forward ${rule}'`)
  }

  /** doublehop listen in DMZ 2, which waits at its places. */
  async listen(format: 'table' | 'json' | 'jsonl' = 'table'): Promise<Program> {
    const program = this.doublehop('far', ['listen', '--zone', 'dmz2', '--format', format])
    await program.says(/listening at [1-9]/)
    return program
  }

  /** A deep check from DMZ 1 of the one flow. */
  async deep(options: DeepOptions): Promise<DeepResult> {
    const program = this.#node('near', DEEP, [])
    program.say(JSON.stringify({ probe: this.#probe(), options }))
    program.hush()
    const { code, stdout, stderr } = await program.ended
    if (code !== 0) throw new Error(stderr)
    return deepResult.parse(JSON.parse(stdout.toString()))
  }

  #probe(): Probe {
    return {
      ...{ id: 'gateway-proxy-1080', expect: 'allow', protocol: 'tcp', port: PORT },
      from: { name: 'gateway', zone: 'dmz1', network: this.near, address: this.near },
      to: { name: 'proxy', zone: 'dmz2', address: this.far },
      ...{ firewalls: [2], why: 'sessions', steps: [2, 5], speaks: 'socks' },
    }
  }

  /** Starts a program of the host inside one of the three. */
  start(where: Where, tool: string, args: readonly string[]): Program {
    const all = [...this.#enter(where), toolPath(tool), ...args]
    return new Program(this.#test, toolPath('nsenter'), all, { logged: true })
  }

  /** doublehop with these arguments, and the configuration of this network. */
  doublehop(where: Where, args: readonly string[]): Program {
    return this.#node(where, COMMAND, [...args, '--config', this.#file])
  }

  #node(where: Where, file: string, args: readonly string[]): Program {
    const all = [...this.#enter(where), process.execPath, file, ...args]
    return new Program(this.#test, toolPath('nsenter'), all, { logged: true })
  }

  #enter(where: Where): string[] {
    return [`--net=/proc/${this.#pids[where]}/ns/net`]
  }

  async #wire(family: 4 | 6): Promise<void> {
    const { near, far, dot, bits } = NETWORKS[family]
    const ip = family === 4 ? 'ip' : 'ip -6'
    await this.sh(
      'router',
      `echo 1 >/proc/sys/net/ipv4/ip_forward
       echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
       ip link set lo up
       ip link add near type veth peer name eth0 netns ${this.#pids.near}
       ip link add far type veth peer name eth0 netns ${this.#pids.far}
       ${ip} addr add ${near}${dot}1/${bits} dev near
       ${ip} addr add ${far}${dot}1/${bits} dev far
       ip link set near up
       ip link set far up`,
    )
    const host = (where: 'near' | 'far', network: string) =>
      this.sh(
        where,
        `ip link set lo up
         ${ip} addr add ${network}${dot}2/${bits} dev eth0
         ip link set eth0 up
         ${ip} route add default via ${network}${dot}1`,
      )
    await Promise.all([host('near', near), host('far', far)])
    const flows = flowsOf(checkedSettings('/').parse(this.#settings))
    const rules = nftables(rulesetOf(flows, 2))
    const loading = await run(
      this.#test,
      'nsenter',
      [...this.#enter('router'), toolPath('nft'), '-f', '-'],
      { input: rules },
    )
    if (loading.code !== 0) throw new Error(loading.stderr)
  }
}

/** A namespace without a name: it ends with the process that holds it, and that with its standard input. */
async function hold(test: Test): Promise<number> {
  const script = 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; echo ready; exec cat'
  const holder = new Program(test, toolPath('unshare'), ['--net', 'sh', '-ec', script])
  await holder.says(/ready/)
  return holder.pid
}

function settingsOf(near: string, far: string, dmz1: string, dmz2: string): object {
  const at = (host: string, port: number) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  const identity = { certificate: 'tls.crt', key: 'tls.key', ca: 'ca.crt' }
  const stas = [{ id: 'STA01', urls: [`https://${at(far, 8080)}`] }]
  return {
    zones: { dmz1: [dmz1], dmz2: [dmz2] },
    gateway: {
      listen: at(near, 443),
      tls: { certificate: 'tls.crt', key: 'tls.key' },
      identity,
      nextHops: [{ name: 'proxy', address: at(far, PORT), serverName: 'proxy' }],
      stas,
    },
    proxy: {
      admin: '127.0.0.1:9102',
      listen: at(far, PORT),
      allow: { names: ['gateway'] },
      grants: { keys: ['file:grant.key'] },
      identity,
      stas,
    },
  }
}
