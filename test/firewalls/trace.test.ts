import { spawnSync } from 'node:child_process'
import { appendFileSync, createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { trace } from '@doublehop/cli/commands/trace'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { freePort } from '../kit/free-port.ts'
import { House } from '../kit/house.ts'
import { Mortal } from '../kit/mortal.ts'
import { exchange } from '../kit/session.ts'
import { until } from '../kit/wait.ts'

/** A double hop whose proxy, STA and server are processes that can be killed, and its logs. */
class Scene {
  readonly house: House
  readonly mortals: Readonly<Record<'proxy' | 'sta' | 'vda', Mortal>>
  readonly config: string
  readonly server: string
  readonly #access: ReturnType<House['access']>

  private constructor(
    house: House,
    mortals: Scene['mortals'],
    config: string,
    server: string,
    access: ReturnType<House['access']>,
  ) {
    this.house = house
    this.mortals = mortals
    this.config = config
    this.server = server
    this.#access = access
  }

  static async set(t: Test, redeemAt = 'gateway'): Promise<Scene> {
    const house = new House(t)
    const port = async () => `127.0.0.1:${await freePort()}`
    const [staAt, proxyAt, server] = [await port(), await port(), await port()]
    const stas = [{ id: 'STA01', urls: [`https://${staAt}`] }]
    const admin = '127.0.0.1:0'
    const sta = {
      ...{ zone: 'internal', listen: staAt, admin, authorityId: 'STA01' },
      identity: house.identity('sta'),
      serviceKey: 'file:certs/sta/service.key',
      ...{ issuers: { names: ['storefront'] }, redeemers: { names: ['proxy'] } },
    }
    const vda = {
      ...{ zone: 'internal', admin },
      apps: [{ name: 'echo', kind: 'echo', listenCgp: server }],
    }
    const proxy = {
      ...{ zone: 'dmz2', listen: proxyAt, admin, allow: { names: ['gateway'] } },
      identity: house.identity('proxy'),
      grants: { keys: ['file:certs/proxy/grant.key'] },
      ...{ stas, allowLoopback: true },
    }
    const mortals = {
      sta: await new Mortal(t, house, 'sta', sta).start(),
      vda: await new Mortal(t, house, 'vda', vda).start(),
      proxy: await new Mortal(t, house, 'proxy', proxy).start(),
    }
    const apps = [{ name: 'echo', cgpAddress: server }]
    const storefront = await house.storefront(stas, apps)
    const nextHops = [{ name: 'proxy', address: proxyAt }]
    const gateway = await house.gateway(stas, nextHops, {
      redeemAt,
      storefronts: [{ address: storefront.where() }],
    })
    const config = join(house.folder, 'doublehop.yaml')
    const sections = {
      zones: { dmz1: ['127.0.0.0/8'], dmz2: ['127.0.0.0/8'], internal: ['127.0.0.0/8'] },
      gateway: {
        ...{ zone: 'dmz1', listen: gateway.where(), nextHops, stas, redeemAt },
        tls: { certificate: 'certs/gateway/tls.crt', key: 'certs/gateway/tls.key' },
        identity: house.identity('gateway'),
      },
      storefront: {
        ...{ zone: 'dmz2', listen: storefront.where(), stas, apps },
        identity: house.identity('storefront'),
        gateways: { names: ['gateway'] },
        tokenDigest: 'file:certs/storefront/token.sha256',
        serviceKey: 'file:certs/storefront/service.key',
      },
      ...{ proxy, sta, vda },
    }
    // JSON is YAML.
    writeFileSync(config, JSON.stringify(sections))
    return new Scene(house, mortals, config, server, house.access(gateway))
  }

  ticket() {
    return this.house.ticket(this.#access)
  }

  /** Launches, says a word, and ends. @returns the session's id, by the log of the gateway */
  async launch(ticket: Awaited<ReturnType<Scene['ticket']>>): Promise<string> {
    const before = this.house.steps().filter(({ step }) => step === 1).length
    const launched = launch(this.#access, { ticket, port: 2598, protocol: 'socks' })
    await launched.then(
      ({ leg }) => exchange(leg, Buffer.from('to and fro')),
      () => {},
    )
    const first = this.house.steps().filter(({ step }) => step === 1)
    if (first.length !== before + 1) throw new Error('the gateway logged no first step')
    return first.at(-1)?.session ?? ''
  }

  /** The logs as files, one of each daemon. */
  logs(): string[] {
    const lines = {
      gateway: [...this.house.log, ...this.house.audit],
      ...{ proxy: this.mortals.proxy.lines, sta: this.mortals.sta.lines },
      vda: this.mortals.vda.lines,
    }
    return Object.entries(lines).map(([name, own]) => {
      const file = join(this.house.folder, `${name}.log`)
      writeFileSync(file, own.map((one) => `${JSON.stringify(one)}\n`).join(''))
      return file
    })
  }

  /** What the command writes. */
  async trace(ids: readonly string[], more: object = {}): Promise<string> {
    const stream = new PassThrough({ encoding: 'utf8' })
    const options = { logs: this.logs(), config: this.config, state: this.house.folder }
    await trace(
      ids,
      { format: 'table', ...options, ...more },
      stream as unknown as NodeJS.WriteStream,
    )
    stream.end()
    return (await stream.toArray()).join('')
  }

  async traced(id: string) {
    const { sessions } = JSON.parse(await this.trace([id], { format: 'json' }))
    return sessions[0]
  }
}

const states = ({ steps }: { steps: { step: number; state: string }[] }): string =>
  steps.map(({ step, state }) => (state === 'done' ? step : `${step} ${state}`)).join(', ')

t.test('launches of real daemons', async (t) => {
  const scene = await Scene.set(t)
  const { proxy, sta, vda } = scene.mortals
  const ended = () => vda.lines.some(({ event, audit }) => event === 'session-closed' && !audit)
  const good = await scene.launch(await scene.ticket())
  await until(ended, Boolean)
  await until(
    () => proxy.lines.some(({ event, session }) => event === 'session-closed' && session === good),
    Boolean,
  )

  t.test('one that gets through, to the line of its server', async (t) => {
    const one = await scene.traced(good)
    t.equal(states(one), '1, 2, 3, 4, 5, 6, 7, 8, 9')
    t.match(one, { session: good, app: 'echo', server: scene.server, clocks: [], strangers: [] })
    const dialled = proxy.lines.find(({ name }) => name === 'dial')
    t.match(one.seen, [
      { daemon: 'sta', what: 'redeemed the ticket for proxy' },
      { daemon: 'vda', what: `echo was reached from ${dialled?.from}` },
    ])
    t.match(
      one.endings.map(({ daemon, bytesUp, bytesDown }: Record<string, unknown>) => [
        daemon,
        bytesUp,
        bytesDown,
      ]),
      [
        ['gateway', 10, 10],
        ['proxy', 10, 10],
        ['vda', 10, 10],
      ],
    )
  })

  t.test('as a table, by the first digits', async (t) => {
    const table = await scene.trace([good.slice(0, 8)])
    const rows = table.split('\n').filter((row) => /^[ ✗] [1-9] /.test(row))
    t.equal(rows.length, 9)
    t.match(rows[5], /^ {2}6 dial {9}\d\d:\d\d:\d\d\.\d{3} {2}proxy {4}proxy → vda .* ms$/)
    t.match(table, /the client ended it; open \d+\.\d s, 10 bytes up, 10 down/)
    t.notMatch(table, /✗|stopped|!/)
  })

  t.test('one that stops in step 6, with its server killed', async (t) => {
    const ticket = await scene.ticket()
    await vda.kill()
    const id = await scene.launch(ticket)
    await until(
      () => proxy.lines.some(({ event, session }) => event === 'launch-failed' && session === id),
      Boolean,
    )
    const one = await scene.traced(id)
    t.match(states(one), /^1, 2, 3, 4, 5, 6 stopped, 7 not-reached/)
    const flow = `proxy-vda-${scene.server.split(':')[1]}`
    t.match(one, {
      stop: { step: 6, daemon: 'proxy', code: 'DH_DIAL_REFUSED' },
      standing: { firewalls: [3], flow, next: `doublehop check --zone dmz2 --only ${flow}` },
    })
    const table = await scene.trace([id])
    t.match(table, /^✗ 6 dial .* DH_DIAL_REFUSED /m)
    t.match(table, /^stopped in step 6 dial: nothing listens at 127\.0\.0\.1:/m)
    t.match(table, /^ {2}firewall 3 between proxy and vda: 127\.0\.0\.1:\d+ refused/m)
    await vda.start()
  })

  t.test('one that stops in step 3, with its STA killed', async (t) => {
    const ticket = await scene.ticket()
    await sta.kill()
    const id = await scene.launch(ticket)
    const refused = () =>
      proxy.lines.some(({ event, session }) => event === 'relay-refused' && session === id)
    await until(refused, Boolean)
    const one = await scene.traced(id)
    t.match(states(one), /^1, 2, 3 stopped, 4 not-reached/)
    t.match(one, {
      stop: { step: 3, daemon: 'proxy' },
      standing: { from: 'proxy', to: 'sta', firewalls: [3], flow: /^proxy-sta-\d+$/ },
    })
    await sta.start()
  })

  t.test('one that stops in step 2, with its proxy killed', async (t) => {
    const ticket = await scene.ticket()
    await proxy.kill()
    const id = await scene.launch(ticket)
    const one = await scene.traced(id)
    t.match(states(one), /^1, 2 stopped, 3 not-reached/)
    t.match(one, {
      stop: { step: 2, daemon: 'gateway', code: 'DH_HOP_NONE' },
      standing: { from: 'gateway', to: 'proxy', firewalls: [2], flow: /^gateway-proxy-\d+$/ },
    })
    t.match(await scene.trace([id]), /next: doublehop check --zone dmz1 --only gateway-proxy-\d+$/m)
  })

  t.test('all of them in a list, the newest last', async (t) => {
    const rows = (await scene.trace([])).trimEnd().split('\n')
    t.match(rows[0], /^SESSION +BEGAN \(UTC\) +CLIENT +TO +REACHED +OUTCOME$/)
    t.equal(rows.length, 5)
    t.match(
      rows[1],
      new RegExp(`^${good.slice(0, 8)} .* echo ${scene.server} +9 splice +the client`),
    )
    t.match(rows[2], / 6 dial +DH_DIAL_REFUSED, firewall 3$/)
    t.match(rows[3], / 3 redeem +DH_STA_\w+, firewall 3$/)
    t.match(rows[4], / 2 sta-connect +DH_HOP_NONE, firewall 2$/)
  })

  t.test('a session id at the proxy that its gateway did not bring is left out', async (t) => {
    const lines = proxy.lines.filter(({ session }) => session === good)
    const forged = lines.map((one) => ({ ...one, peerName: 'mallory', peer: '127.0.0.9:6' }))
    const file = join(scene.house.folder, 'forged.log')
    writeFileSync(file, forged.map((one) => `${JSON.stringify(one)}\n`).join(''))
    const [gateway = ''] = scene.logs()
    const text = await scene.trace([good], { logs: [gateway, file] })
    t.match(text, /3 redeem .* not observed: no line of the proxy/)
    t.match(
      text,
      /! left out: \d+ lines of proxy with this id, caused by mallory at 127\.0\.0\.9:6/,
    )
  })

  t.test('a log that is a pipe is read once, and the line of the server is found', async (t) => {
    const pipe = join(scene.house.folder, 'pipe')
    t.equal(spawnSync('mkfifo', [pipe]).status, 0)
    const { vda: own, proxy: theirs } = scene.mortals
    const lines = [...own.lines, ...scene.house.log, ...theirs.lines]
    const writing = createWriteStream(pipe)
    writing.end(lines.map((one) => `${JSON.stringify(one)}\n`).join(''))
    const text = await scene.trace([good], { logs: [pipe], format: 'json' })
    const [one] = JSON.parse(text).sessions
    t.match(one.seen, [{ daemon: 'vda', what: /^echo was reached from/ }])
  })

  t.test('a line that is half written harms no other', async (t) => {
    const files = scene.logs()
    for (const file of files) appendFileSync(file, `{"daemon":"gateway","session":"${good}","ti`)
    const [one] = JSON.parse(await scene.trace([good], { logs: files, format: 'json' })).sessions
    t.equal(states(one), '1, 2, 3, 4, 5, 6, 7, 8, 9')
  })

  t.test('what cannot be traced', async (t) => {
    const { folder } = scene.house
    const refuses = (ids: string[], more: object, wanted: { code: string; message?: RegExp }) =>
      t.rejects(scene.trace(ids, more), wanted)
    await refuses(['12345'], {}, { code: 'DH_USAGE', message: /6 to 32 hex digits/ })
    await refuses(['session'], {}, { code: 'DH_USAGE' })
    await refuses(['f'.repeat(32)], {}, { code: 'DH_TRACE_SESSION', message: /no line/ })
    await refuses([good], { logs: [join(folder, 'none.log')] }, { code: 'DH_TRACE_LOGS' })
    await refuses([good], { logs: [folder] }, { code: 'DH_TRACE_LOGS', message: /folder/ })
    await refuses(
      [good],
      { logs: ['old.log.gz'] },
      { code: 'DH_TRACE_LOGS', message: /compressed/ },
    )
    await refuses(
      [good],
      { logs: undefined },
      { code: 'DH_NO_LAB', message: /there are no logs in/ },
    )

    const twin = `${good.slice(0, 10)}${'0'.repeat(22)}`
    const file = join(folder, 'twin.log')
    const line = scene.house.log.find(({ session, step }) => session === good && step === 1)
    writeFileSync(file, `${JSON.stringify({ ...line, session: twin })}\n`)
    await refuses(
      [good.slice(0, 6)],
      { logs: [...scene.logs(), file] },
      {
        code: 'DH_TRACE_SESSION',
        message: new RegExp(`2 begin so: .*${good.slice(0, 11)} \\(\\d{4}-.*, gateway\\)`),
      },
    )
  })

  t.test('a log without a session', async (t) => {
    const file = join(scene.house.folder, 'empty.log')
    writeFileSync(file, '')
    t.equal(await scene.trace([], { logs: [file] }), 'these logs hold no session\n')
  })
})

t.test('a launch of real daemons that is redeemed at the proxy', async (t) => {
  const scene = await Scene.set(t, 'proxy')
  const { proxy, vda } = scene.mortals
  const id = await scene.launch(await scene.ticket())
  const ended = () => vda.lines.some(({ event, audit }) => event === 'session-closed' && !audit)
  await until(ended, Boolean)
  const one = await scene.traced(id)
  t.equal(states(one), '1, 2, 3, 4, 5, 6, 7, 8, 9')
  t.match(one, { redeemedAt: 'proxy', app: 'echo', server: scene.server, clocks: [] })

  const ticket = await scene.ticket()
  await proxy.kill()
  const stopped = await scene.traced(await scene.launch(ticket))
  t.match(stopped, { stop: { step: 5 }, standing: { firewalls: [2], flow: /^gateway-proxy-/ } })
})
