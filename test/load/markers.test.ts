import { randomBytes } from 'node:crypto'
import type { Leg } from '@doublehop/daemon/leg'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { inTurns } from '../kit/crowd.ts'
import { HouseOfProcesses } from '../kit/house-of-processes.ts'
import { atScale } from '../kit/nightly.ts'

const USERS = 200
const BLOCKS = atScale(64, 4096)
const MARKER = 32

/** One user: what it says and what it is told are nothing but its own marker, over and over. */
interface User {
  readonly leg: Leg
  readonly marker: Buffer
}

t.test('of two hundred users at once none hears or is heard by another', async (t) => {
  const house = new HouseOfProcesses(t, ['gateway', 'proxy'])
  const unbound = { limits: { sessionsPerSource: 'off', handshakesPerSource: 'off' } }
  const double = await house.doubleHop({ gateway: unbound, storefront: unbound })
  const tickets = await inTurns(USERS, 16, () => double.ticket())

  // All at once, and by every way in: two protocols, two ports.
  const users = await Promise.all(
    tickets.map(async (ticket, at): Promise<User> => {
      const protocol = at % 2 === 0 ? 'socks' : 'cgp'
      const port = at % 4 === 0 ? 1494 : 2598
      const { leg } = await launch(double.access, { ticket, port, protocol, greet: true })
      return { leg, marker: randomBytes(MARKER) }
    }),
  )
  const markers = new Map(users.map(({ marker }, at) => [marker.toString('hex'), at]))
  const heard = await Promise.all(users.map(exchangeMarkers))
  for (const [at, bytes] of heard.entries()) {
    const whose = new Set<number | undefined>()
    for (let from = 0; from < bytes.length; from += MARKER)
      whose.add(markers.get(bytes.subarray(from, from + MARKER).toString('hex')))
    if (bytes.length !== BLOCKS * MARKER || whose.size !== 1 || !whose.has(at))
      t.fail(`user ${at} heard ${bytes.length} bytes of ${[...whose].join(', ')}`)
  }
  t.equal(heard.length, USERS)
})

/** Says its marker again and again, in writes of odd lengths, and gives all it is told. */
async function exchangeMarkers({ leg, marker }: User): Promise<Buffer> {
  const all = Buffer.concat(Array.from({ length: BLOCKS }, () => marker))
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const heard: Uint8Array[] = []
  leg.listen({
    bytes: (chunk) => void heard.push(chunk),
    end: () => leg.end(),
    drain() {},
    close: (error) => (error ? reject(error) : resolve(Buffer.concat(heard))),
  })
  for (let from = 0; from < all.length; from += 333) {
    leg.write(all.subarray(from, from + 333))
    await new Promise(setImmediate)
  }
  leg.end()
  return await promise
}
