import { randomBytes } from 'node:crypto'
import type { Leg } from '@doublehop/daemon/leg'
import { bytesOf } from '@doublehop/wire/text'
import { launch } from '@doublehop/workspace/launch'
import type { Test } from 'tap'
import { grantFor } from './hop.ts'
import type { DoubleHop, House } from './house.ts'

/** How many sessions of others are open, and how many tickets wait to be redeemed. */
const SESSIONS = 4
const TICKETS = 8

interface Bystander {
  readonly marker: string
  readonly leg: Leg
  /** bytes that have come back so far */
  heard: number
  /** what came back was not what was sent */
  spoilt: boolean
}

/**
 * Other people's sessions, in the middle of things: application data flows, tickets wait, a grant is not yet spent.
 * Each of them is a marker that must never come back to somebody else.
 */
export class Bystanders {
  readonly #sessions: Bystander[] = []
  readonly #secrets: readonly string[]

  private constructor(secrets: readonly string[]) {
    this.#secrets = secrets
  }

  static async gather(test: Test, house: House, hop: DoubleHop): Promise<Bystanders> {
    const tickets = await Promise.all(Array.from({ length: TICKETS }, () => hop.ticket()))
    const [first, ...waiting] = tickets.map((ticket) => ticket.primary.reveal())
    const { listen } = hop.sta.at
    const grant = await grantFor(house, hop.proxy, listen as never, first ?? '', {
      session: randomBytes(16).toString('hex'),
    })
    const files = [
      'workspace/token',
      'sta/service.key',
      'proxy/grant.key',
      'storefront/token.sha256',
    ]
    const here = new Bystanders([...waiting, grant, ...files.map((file) => house.read(file))])
    for (let count = 0; count < SESSIONS; count++) {
      const protocol = count % 2 === 0 ? 'socks' : 'cgp'
      const { leg } = await launch(hop.access, { ticket: await hop.ticket(), port: 2598, protocol })
      here.#talk(test, leg)
    }
    here.#sessionIds = () => house.log.flatMap(({ session }) => session ?? [])
    return here
  }

  #sessionIds: () => string[] = () => []

  /** What is in these bytes that belongs to somebody else. */
  foundIn(bytes: Buffer): string[] {
    const text = bytes.toString('latin1').toLowerCase()
    const markers = [...this.#sessions.map(({ marker }) => marker), ...this.#secrets]
    const ids = new Set(this.#sessionIds())
    return [...markers, ...ids].filter((marker) => text.includes(marker.toLowerCase()))
  }

  /** Bytes that each session has got back so far. */
  get progress(): number[] {
    return this.#sessions.map(({ heard }) => heard)
  }

  get areUnspoilt(): boolean {
    return this.#sessions.every(({ spoilt, leg }) => !spoilt && !leg.gone.aborted)
  }

  /** Says its marker again and again, and looks whether exactly that comes back. */
  #talk(test: Test, leg: Leg): void {
    const marker = `marker-${randomBytes(12).toString('hex')}`
    const session: Bystander = { marker, leg, heard: 0, spoilt: false }
    const line = bytesOf(marker)
    leg.listen({
      bytes(chunk) {
        for (const byte of chunk)
          if (byte !== line[session.heard++ % line.length]) session.spoilt = true
      },
      end() {},
      drain() {},
      close() {},
    })
    const talking = setInterval(() => leg.write(line), 20)
    test.teardown(() => {
      clearInterval(talking)
      leg.destroy()
    })
    this.#sessions.push(session)
  }
}
