import type { Test } from 'tap'
import { shownBy } from './ask-admin.ts'
import { FullQueue } from './full-queue.ts'
import type { DaemonName, MortalDoubleHop } from './mortal-double-hop.ts'
import { stepsBefore, stepsOf } from './steps-before.ts'
import { until } from './wait.ts'
import { Witness } from './witness.ts'

/** A GET to an STA, with which a gateway looks for ids now and then, is shorter; a POST and its answer are longer. */
const GET = 300

/**
 * Two launches, of a SOCKS and of a CGP client, that the wire holds in one step: what they need next is on its way and
 * does not arrive.
 */
export class HeldLaunch {
  readonly clients: readonly [Witness, Witness]
  readonly #house: MortalDoubleHop
  readonly #redeemAt: string
  readonly #step: number
  #queue: FullQueue | undefined

  private constructor(
    house: MortalDoubleHop,
    redeemAt: string,
    step: number,
    clients: readonly [Witness, Witness],
  ) {
    this.#house = house
    this.#redeemAt = redeemAt
    this.#step = step
    this.clients = clients
  }

  /** Launches, and comes back when the step is under way. */
  static async in(
    t: Test,
    house: MortalDoubleHop,
    redeemAt: string,
    step: number,
  ): Promise<HeldLaunch> {
    const app = step === 6 || step === 7 ? 'queued' : 'echo'
    const tickets = [await house.ticket(app), await house.ticket(app)] as const
    const clients = [
      await Witness.arrive(house.access, tickets[0], 'socks'),
      await Witness.arrive(house.access, tickets[1], 'cgp'),
    ] as const
    const launch = new HeldLaunch(house, redeemAt, step, clients)
    try {
      await launch.#begin(t)
    } catch (error) {
      launch.letGo('storefront', true)
      throw error
    }
    return launch
  }

  /** Shuts the way to a daemon that is about to die: whoever dials it from now on is refused, as its host would. */
  shut(daemon: DaemonName): void {
    const link = { gateway: 'client', proxy: 'hop', sta: 'sta' } as const
    if (daemon === 'vda') this.#queue?.refuse()
    else if (daemon !== 'storefront') this.#house.links[link[daemon]].shut()
  }

  /** What this dead daemon had sent is lost, unless told otherwise; all else goes its way. */
  letGo(daemon: DaemonName, arrives: boolean): void {
    const { client, hop, sta } = this.#house.links
    if (!arrives && daemon === 'gateway') {
      client.lose('down')
      hop.lose('up')
    } else if (!arrives && daemon === 'proxy') {
      hop.lose('down')
      sta.lose('up')
    } else if (!arrives && daemon === 'sta') sta.lose('down')
    for (const link of [client, hop, sta]) link.release()
    this.#queue?.release()
  }

  /** For the launches that follow. */
  async mend(): Promise<void> {
    this.#queue?.refuse()
    for (const link of Object.values(this.#house.links)) await link.open()
  }

  async #begin(t: Test): Promise<void> {
    const { client } = this.#house.links
    const step = this.#step
    const spare = await this.#house.sessionsOfHop()
    if (step === 1) {
      client.hold('up')
      this.#ask()
      return await this.#until(() => client.waiting('up') === 2)
    }
    if (step === 8) {
      client.hold('down')
      this.#ask()
      await this.#logged(stepsBefore(this.#redeemAt, 9))
      return await this.#until(() => client.waiting('down') >= 1)
    }
    if (step === 9) {
      this.#ask()
      for (const one of this.clients)
        if ((await one.fate()) !== 'session') throw new Error('no session')
      return await this.#logged(stepsBefore(this.#redeemAt, 9))
    }
    if (step === 6 || step === 7) return await this.#beginDial(t, spare)
    if (this.#redeemAt === 'proxy') return await this.#beginAtProxy(spare)
    return await this.#beginAtGateway(spare)
  }

  /** 2, 3, 4 and 5, in the order of redeemAt: gateway. */
  async #beginAtGateway(spare: Set<number>): Promise<void> {
    const { hop, sta } = this.#house.links
    if (this.#step === 2) {
      hop.hold('up', { spare })
      await this.#cutKept(spare)
      this.#ask()
      await this.#logged(this.#before)
      return await this.#until(() => hop.waiting('up') >= 2)
    }
    sta.hold('up', { behindHandshakes: true })
    this.#ask()
    await this.#logged(stepsBefore('gateway', 3))
    await this.#until(() => sta.waiting('up', GET) >= 2)
    if (this.#step === 3) return
    const direction = this.#step === 4 ? 'down' : 'up'
    hop.hold(direction, { spare })
    sta.release()
    await this.#logged(this.#before)
    await this.#until(() => hop.waiting(direction) >= 2)
  }

  /** 5, 2, 3 and 4, in the order of redeemAt: proxy. */
  async #beginAtProxy(spare: Set<number>): Promise<void> {
    const { hop, sta } = this.#house.links
    if (this.#step === 5) {
      hop.hold('up', { spare })
      this.#ask()
      await this.#logged(this.#before)
      return await this.#until(() => hop.waiting('up') >= 2)
    }
    if (this.#step === 2) sta.cut()
    sta.hold('up', { behindHandshakes: this.#step !== 2 })
    this.#ask()
    await this.#logged(this.#before)
    await this.#until(() => sta.waiting('up', this.#step === 2 ? 0 : GET) >= 2)
    if (this.#step !== 4) return
    sta.hold('down')
    sta.release('up')
    await this.#until(() => sta.waiting('down', GET) >= 2)
  }

  async #beginDial(t: Test, spare: Set<number>): Promise<void> {
    const { hop } = this.#house.links
    const { daemons, queuePort } = this.#house
    const server = daemons.vda.at['echo.cgp']
    if (server === undefined) throw new Error('the server has no address')
    this.#queue = await FullQueue.before(t, server, queuePort)
    this.#ask()
    await this.#logged(stepsBefore(this.#redeemAt, 6))
    const dialling = async (): Promise<number> =>
      (await shownBy(daemons.proxy.at.admin)).sessions.filter((one) => one.step === '6 dial').length
    await until(dialling, (count) => count >= 2)
    if (this.#step === 6) return
    hop.hold('down', { spare })
    this.#queue.release()
    await this.#logged(this.#before)
    await this.#until(() => hop.waiting('down') >= 2)
  }

  /** Breaks what the gateway keeps to the proxy beside sessions: a connection to the STA would be used again. */
  async #cutKept(spare: Set<number>): Promise<void> {
    this.#house.links.hop.cut(spare)
    const kept = async () => (await shownBy(this.#house.daemons.gateway.at.admin)).hopConnections
    await until(kept, ({ length }) => length <= spare.size)
  }

  #ask(): void {
    for (const client of this.clients) client.ask()
  }

  get #before(): readonly number[] {
    return stepsBefore(this.#redeemAt, this.#step)
  }

  /** Waits until the log has exactly these steps of both launches. */
  async #logged(steps: readonly number[]): Promise<void> {
    const seen = () => this.clients.map(({ ticket }) => stepsOf(this.#house.lines, ticket))
    await until(seen, (both) => both.every((one) => one.join() === steps.join()))
  }

  async #until(isSo: () => boolean): Promise<void> {
    await until(isSo, (so) => so)
  }
}
