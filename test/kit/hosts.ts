import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Metrics } from '@doublehop/daemon/metrics'
import { makeLabCertificates } from '@doublehop/pki/lab'
import { type Endpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'
import type { Shown } from './ask-admin.ts'
import { linesOf } from './daemon-process.ts'
import { Program } from './foreign.ts'
import { House, type Kind, type LogLine, type Running } from './house.ts'
import { missing, toolPath } from './tools.ts'

/**
 * The three wires of a session, by the firewall that stands there: client and gateway, gateway and proxy, proxy and the
 * internal network.
 */
export type Wire = 'client' | 'hop' | 'inner'
type Host = 'gateway' | 'proxy'

const MAC = { near: '02:00:00:00:00:01', far: '02:00:00:00:00:02', nobody: '02:00:00:00:00:ff' }
let worlds = 0

/** Why a test that needs hosts of its own cannot run. @throws Error instead with DOUBLEHOP_REQUIRE=all */
export function withoutHosts(): string | false {
  const reason =
    (process.platform !== 'linux' && 'network namespaces are Linux’s') ||
    missing('ip', 'curl') ||
    (process.getuid?.() !== 0 && 'only root may make network namespaces')
  if (reason === false) return false
  if (process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/**
 * A house whose gateway and proxy run on hosts of their own: network namespaces, with a wire to the client, one between
 * them, and one to the internal network, where everything else is, in this process. A wire can be cut without anybody
 * being told: frames then go to a card that nobody has.
 */
export class Hosts extends House {
  readonly programs = new Map<Host, Program>()
  readonly #test: Test
  readonly #id = `${process.pid}-${++worlds}`
  readonly #block = ((process.pid * 4 + worlds) % 8192) * 16
  readonly #preload: readonly string[]
  readonly #wires: Readonly<Record<Wire, readonly [WireEnd, WireEnd]>>

  /** @param preload a module that the daemons load first */
  constructor(test: Test, preload?: string) {
    super(test)
    this.#test = test
    this.#preload = preload === undefined ? [] : ['--import', preload]
    const end = (host: Host | undefined, card: string, at: number): WireEnd => ({
      space: host && this.#space(host),
      card,
      address: this.#address(at),
    })
    const here = (card: string): string => `dh${card}${this.#id}`.replace('-', '').slice(0, 15)
    this.#wires = {
      client: [end(undefined, here('c'), 1), end('gateway', 'client', 2)],
      hop: [end('gateway', 'hop', 5), end('proxy', 'hop', 6)],
      inner: [end('proxy', 'inner', 9), end(undefined, here('i'), 10)],
    }
    test.teardown(() => this.#tearDown())
    this.#setUp()
    const { clientSide, proxy, inner } = this.places
    makeLabCertificates(join(this.folder, 'certs'), {
      names: {
        proxy: [proxy],
        sta: [inner],
        storefront: [clientSide],
        gateway: [this.places.gateway],
      },
    })
  }

  /** Addresses: of the client (and the storefront), of the daemons on theirs, and of STA and servers. */
  get places(): Record<'clientSide' | 'gateway' | 'proxy' | 'inner', string> {
    const { client, hop, inner } = this.#wires
    return {
      clientSide: client[0].address,
      gateway: client[1].address,
      proxy: hop[1].address,
      inner: inner[1].address,
    }
  }

  /** From now on nothing passes this wire, and nobody is told. */
  cut(wire: Wire): void {
    const [near, far] = this.#wires[wire]
    this.#knowEachOther(near, far, MAC.nobody, MAC.nobody)
  }

  /** What one of the daemons says of its connections. */
  sessions(daemon: Host, { at }: Running): Shown {
    const { host, port } = at.admin as Endpoint
    const asked = this.#in(this.#space(daemon), 'curl', '-s', `http://${host}:${port}/sessions`)
    return JSON.parse(asked) as Shown
  }

  /** What a daemon has logged of this event. */
  logged(daemon: Host, event: string): LogLine[] {
    const program = this.programs.get(daemon)
    if (program === undefined) return []
    return linesOf(program).filter((line) => line.event === event) as unknown as LogLine[]
  }

  override async start<K extends Kind>(
    kind: K,
    section: object,
    name: string = kind,
  ): Promise<Running> {
    if (kind !== 'gateway' && kind !== 'proxy') return await super.start(kind, section, name)
    const file = join(this.folder, `${name}.yaml`)
    writeFileSync(file, JSON.stringify({ [kind]: { name, ...section } }))
    const bin = join(import.meta.dirname, `../../packages/${kind}/bin/doublehop-${kind}.ts`)
    const command = [process.execPath, ...this.#preload, bin, '--config', file]
    const program = new Program(
      this.#test,
      toolPath('ip'),
      ['netns', 'exec', this.#space(kind), ...command],
      { logged: true },
    )
    this.programs.set(kind, program)
    await program.says(/"event":"ready".*\n/)
    const ready = linesOf(program).find(({ event }) => event === 'ready')
    const at = ready?.at as Record<string, string>
    const places = Object.entries(at).map(([listener, place]) => [listener, parseEndpoint(place)])
    return {
      at: Object.fromEntries(places) as Record<string, Endpoint>,
      // It counts in its own process: ask its admin listener.
      metrics: new Metrics(),
      where: (listener = 'listen') => at[listener] ?? '',
      reload: async () => {
        throw new Error('no test reloads on these hosts')
      },
      drain: async () => (await program.stop()).code === 0,
      close: async () => void (await program.stop()),
    }
  }

  #space(host: Host): string {
    return `dh-${this.#id}-${host}`
  }

  #address(offset: number): string {
    const at = this.#block + offset
    return `198.${18 + (at >> 16)}.${(at >> 8) & 255}.${at & 255}`
  }

  #setUp(): void {
    for (const host of ['gateway', 'proxy'] as const) {
      ip('netns', 'add', this.#space(host))
      ip('-n', this.#space(host), 'link', 'set', 'lo', 'up')
      // A peer that acknowledges nothing is given up after about 13 s, not after 15 minutes; and what is left of a
      // connection that was closed here is forgotten soon.
      this.#set(host, 'tcp_retries2', 5)
      this.#set(host, 'tcp_fin_timeout', 5)
    }
    for (const [near, far] of Object.values(this.#wires)) {
      const at = (end: WireEnd, mac: string): string[] => [
        ...['name', end.card, 'address', mac],
        ...(end.space === undefined ? [] : ['netns', end.space]),
      ]
      ip('link', 'add', ...at(near, MAC.near), 'type', 'veth', 'peer', ...at(far, MAC.far))
      for (const { space, card, address } of [near, far]) {
        ip(...into(space), 'address', 'add', `${address}/30`, 'dev', card)
        ip(...into(space), 'link', 'set', card, 'up')
      }
      this.#knowEachOther(near, far, MAC.near, MAC.far)
    }
  }

  #set(host: Host, name: string, value: number): void {
    this.#in(this.#space(host), 'sh', '-c', `echo ${value} >/proc/sys/net/ipv4/${name}`)
  }

  #knowEachOther(near: WireEnd, far: WireEnd, nearMac: string, farMac: string): void {
    const know = (from: WireEnd, to: WireEnd, mac: string): void =>
      ip(...into(from.space), 'neigh', 'replace', to.address, 'lladdr', mac, 'dev', from.card)
    know(near, far, farMac)
    know(far, near, nearMac)
  }

  #in(space: string, ...command: readonly string[]): string {
    return call('netns', 'exec', space, ...command)
  }

  /** A wire goes with either of its ends. */
  #tearDown(): void {
    for (const host of ['gateway', 'proxy'] as const)
      spawnSync(toolPath('ip'), ['netns', 'delete', this.#space(host)])
  }
}

interface WireEnd {
  /** its namespace; undefined is where the tests are */
  readonly space: string | undefined
  readonly card: string
  readonly address: string
}

function into(space: string | undefined): string[] {
  return space === undefined ? [] : ['-n', space]
}

function ip(...args: readonly string[]): void {
  call(...args)
}

function call(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(toolPath('ip'), args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
  return stdout
}
