import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { auditTo } from '@doublehop/daemon/audit'
import type { Daemon } from '@doublehop/daemon/daemon'
import { logTo } from '@doublehop/daemon/log'
import { Metrics } from '@doublehop/daemon/metrics'
import type { StepLine } from '@doublehop/daemon/steps'
import { startGateway } from '@doublehop/gateway/gateway'
import { makeLabCertificates } from '@doublehop/pki/lab'
import { startProxy } from '@doublehop/proxy/proxy'
import { type Settings, settingsSchema } from '@doublehop/settings/schema'
import { startSta } from '@doublehop/sta/sta'
import { startStorefront } from '@doublehop/storefront/storefront'
import { startVda } from '@doublehop/vda/vda'
import { type Endpoint, formatEndpoint } from '@doublehop/wire/endpoint'
import type { Ticket } from '@doublehop/wire/ticket'
import { GatewayAccess } from '@doublehop/workspace/gateway-access'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import type { Test } from 'tap'
import { noteSecrets } from './secrets.ts'

/** A log line of a daemon, as JSON. */
export interface LogLine {
  readonly daemon: string
  readonly event?: string
  readonly session?: string
  readonly code?: string
  readonly msg: string
  readonly [field: string]: unknown
}

const FOLDERS: string[] = []
process.on('exit', () => {
  for (const folder of FOLDERS) rmSync(folder, { recursive: true, force: true })
})

/** A fresh folder that goes with the process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'doublehop-test-'))
  FOLDERS.push(folder)
  return folder
}

export type Kind = 'gateway' | 'proxy' | 'storefront' | 'sta' | 'vda'
type Sections = { readonly [K in Kind]: NonNullable<Settings[K]> }

const START: {
  readonly [K in Kind]: (
    settings: Sections[K],
    around: Parameters<typeof startGateway>[1],
  ) => Promise<Daemon<K>>
} = {
  gateway: startGateway,
  proxy: startProxy,
  storefront: startStorefront,
  sta: startSta,
  vda: startVda,
}

/** Every client of a house comes from one address: who tries many bad tickets would wait longer for each. */
const UNHELD = { failureDelay: 'off' }

function limitsOf(section: object): object {
  return 'limits' in section ? (section.limits as object) : {}
}

/** A daemon that runs in this process, on real sockets. */
export interface Running extends Omit<Daemon, 'reload'> {
  readonly metrics: Metrics
  /** with exactly this section in the place of the one before */
  readonly reload: (section: object) => Promise<void>
  /** `address:port` of one of its listeners */
  readonly where: (listener?: string) => string
}

/**
 * A house with as many daemons as a test wants, in this process, on free loopback ports. Whatever is started here ends
 * with the test. Sections are written as in `doublehop.yaml`; relative paths start at the house's folder, where
 * `certs/` lies.
 */
export class House {
  readonly folder = temporaryFolder()
  readonly log: LogLine[] = []
  /** audit lines */
  readonly audit: LogLine[] = []
  readonly #test: Test

  constructor(test: Test) {
    this.#test = test
    makeLabCertificates(join(this.folder, 'certs'))
    noteSecrets(join(this.folder, 'certs'))
  }

  /**
   * Starts one daemon with exactly this section.
   *
   * @param name on its log lines; its kind if left out
   * @param zones the section of that name
   */
  async start<K extends Kind>(
    kind: K,
    section: object,
    name: string = kind,
    zones: object = {},
  ): Promise<Running> {
    const all = settingsSchema(this.folder).parse({ zones, [kind]: section })
    const settings = all[kind] as Sections[K]
    const { folder } = this
    const metrics = new Metrics()
    const log = logTo(name, (line) => this.#keep(line, this.log))
    const audit = auditTo(name, { write: (line) => this.#keep(line, this.audit) })
    const daemon = await START[kind](settings, { log, audit, metrics, zones: all.zones })
    this.#test.teardown(() => daemon.close())
    return {
      ...daemon,
      metrics,
      async reload(changed: object) {
        const { zones, [kind]: next } = settingsSchema(folder).parse({ [kind]: changed })
        await daemon.reload(next as Sections[K], zones)
      },
      where: (listener = 'listen') => formatEndpoint(daemon.at[listener] as Endpoint),
    }
  }

  /** `certs/<role>/…` as an identity. */
  identity(role: string): { certificate: string; key: string; ca: string } {
    return {
      certificate: `certs/${role}/tls.crt`,
      key: `certs/${role}/tls.key`,
      ca: `certs/${role}/ca.crt`,
    }
  }

  sta(more: object = {}): Promise<Running> {
    return this.start('sta', {
      authorityId: 'STA01',
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      identity: this.identity('sta'),
      serviceKey: 'file:certs/sta/service.key',
      issuers: { names: ['storefront'] },
      redeemers: { names: ['proxy'] },
      ...more,
    })
  }

  vda(
    apps: readonly object[] = [
      { name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0', listenIca: '127.0.0.1:0' },
    ],
    more: object = {},
  ): Promise<Running> {
    return this.start('vda', { admin: '127.0.0.1:0', apps, ...more })
  }

  proxy(stas: readonly object[], more: object = {}): Promise<Running> {
    return this.start('proxy', {
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      allow: { names: ['gateway'] },
      identity: this.identity('proxy'),
      grants: { keys: ['file:certs/proxy/grant.key'] },
      stas,
      allowLoopback: true,
      ...more,
    })
  }

  storefront(
    stas: readonly object[],
    apps: readonly object[],
    more: object = {},
  ): Promise<Running> {
    return this.start('storefront', {
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      identity: this.identity('storefront'),
      gateways: { names: ['gateway'] },
      tokenDigest: 'file:certs/storefront/token.sha256',
      serviceKey: 'file:certs/storefront/service.key',
      stas,
      apps,
      ...more,
      limits: { ...UNHELD, ...limitsOf(more) },
    })
  }

  gateway(
    stas: readonly object[],
    nextHops: readonly object[],
    more: object = {},
  ): Promise<Running> {
    return this.start('gateway', {
      listen: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      tls: { certificate: 'certs/gateway/tls.crt', key: 'certs/gateway/tls.key' },
      identity: this.identity('gateway'),
      nextHops,
      stas,
      ...more,
      limits: { ...UNHELD, ...limitsOf(more) },
    })
  }

  /** The whole double hop with the app `echo` (and more apps of the VDA), wired as in the lab. */
  async doubleHop(options: DoubleHopOptions = {}): Promise<DoubleHop> {
    const sta = await this.sta(options.sta)
    const vda = await this.vda(options.apps, options.vda)
    const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
    const proxy = await this.proxy(stas, options.proxy)
    const storefront = await this.storefront(
      stas,
      [...publish(vda), ...(options.published ?? [])],
      options.storefront,
    )
    const hop = { name: 'proxy', address: proxy.where(), ...options.nextHop }
    const gateway = await this.gateway(stas, [hop], {
      storefronts: [{ address: storefront.where() }],
      ...options.gateway,
    })
    const access = this.access(gateway)
    return {
      sta,
      vda,
      proxy,
      storefront,
      gateway,
      access,
      ticket: (app = 'echo') => this.ticket(access, app),
    }
  }

  /** A workspace's way to this gateway. */
  access(gateway: Running): GatewayAccess {
    return new GatewayAccess({
      gateway: gateway.at.listen as Endpoint,
      ca: join(this.folder, 'certs/workspace/ca.crt'),
    })
  }

  /** The text of a file below `certs/`, such as `workspace/token`. */
  read(file: string): string {
    return readFileSync(join(this.folder, 'certs', file), 'utf8').trim()
  }

  /** A ticket of the storefront behind this gateway. */
  async ticket(access: GatewayAccess, app = 'echo'): Promise<Ticket> {
    const token = this.read('workspace/token')
    const storefront = new StorefrontClient(access, token)
    try {
      return (await storefront.ticket(app)).ticket
    } finally {
      storefront.close()
    }
  }

  /** The step lines of one session, or of all, by number. */
  steps(session?: string): (StepLine & LogLine)[] {
    return this.log
      .filter(
        (line) => line.event === 'step' && (session === undefined || line.session === session),
      )
      .map((line) => line as unknown as StepLine & LogLine)
      .sort((a, b) => a.step - b.step)
  }

  /** Log lines of this event. */
  events(event: string): LogLine[] {
    return this.log.filter((line) => line.event === event)
  }

  /** Every line goes to the suite's output as well, where a last test looks for secrets. */
  #keep(line: string, lines: LogLine[]): void {
    lines.push(JSON.parse(line) as LogLine)
    const output = process.env.DOUBLEHOP_TEST_OUTPUT
    if (output !== undefined) appendFileSync(join(output, `${process.pid}.log`), line)
  }
}

export interface DoubleHopOptions {
  readonly apps?: readonly object[]
  /** more apps, of servers that a test brings along */
  readonly published?: readonly object[]
  readonly sta?: object
  readonly vda?: object
  readonly proxy?: object
  readonly storefront?: object
  readonly gateway?: object
  readonly nextHop?: object
}

export interface DoubleHop {
  readonly sta: Running
  readonly vda: Running
  readonly proxy: Running
  readonly storefront: Running
  readonly gateway: Running
  readonly access: GatewayAccess
  readonly ticket: (app?: string) => Promise<Ticket>
}

/** The apps of a VDA as the storefront publishes them. */
export function publish(vda: Running): object[] {
  const names = new Set(
    Object.keys(vda.at).flatMap((key) => /^(.+)\.(?:cgp|ica)$/.exec(key)?.[1] ?? []),
  )
  return [...names].map((name) => ({
    name,
    ...(vda.at[`${name}.cgp`] && { cgpAddress: vda.where(`${name}.cgp`) }),
    ...(vda.at[`${name}.ica`] && { icaAddress: vda.where(`${name}.ica`) }),
  }))
}
