import type { Endpoint } from '@doublehop/wire/endpoint'
import { encodeRequestData, STA_PATH } from '@doublehop/wire/sta-messages'
import t from 'tap'
import { socksFlight } from '../kit/attempt.ts'
import { Bystanders } from '../kit/bystanders.ts'
import { openEnd } from '../kit/ends.ts'
import { httpPost, openRelay, SESSION } from '../kit/hop.ts'
import { type DoubleHop, House, publish } from '../kit/house.ts'
import { staFields } from '../kit/long-fields.ts'
import { StaStub } from '../kit/sta-stub.ts'

/** An STA that lies at length, beside a good one at which others are at work: nobody hears more of it than that it lies. */

const LENGTHS = [255, 256, 4096, 24_812, 1_000_000]
const HEX = 'F'.repeat(32)
/** Of what an STA says, a relay passes on the two addresses alone, up to the 64 KiB that it reads. */
const MOST = { client: 12, storefront: 512, relay: 512, relayedAddress: 66_000 }

t.setTimeout(300_000)

t.test('over-long fields of an STA', async (t) => {
  const house = new House(t)
  const liar = await StaStub.listen(t, house, '127.0.0.1:9')
  const { hop, shop } = await furnish(house, liar)
  const others = await Bystanders.gather(t, house, hop)
  const client = { ca: house.read('ca/ca.crt') }
  const token = house.read('workspace/token')
  const buy = `POST /tickets HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"app":"echo"}`
  const post = httpPost(
    Buffer.from(encodeRequestData({ hex: HEX })).toString(),
    `Doublehop-Session: ${SESSION}\r\nConnection: close\r\n`,
  )
  const look = `GET ${STA_PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`

  const hear = async (at: Endpoint, request: string | Uint8Array): Promise<Buffer> => {
    const end = await openEnd(t, at, client)
    end.say(request)
    await end.until(() => end.ended || end.closed)
    end.destroy()
    return end.heard
  }
  const hearRelay = async (request: string): Promise<Buffer> => {
    const relay = await openRelay(house, hop.proxy, liar.at)
    relay.write(request)
    return await relay.rest().finally(() => relay.destroy())
  }
  for (const [name, field] of Object.entries(staFields)) {
    for (const length of LENGTHS) {
      const what = `${name} of ${length} bytes`
      const answers: Record<string, readonly [() => Promise<Buffer>, number]> = {
        'a client': [
          () => hear(hop.gateway.at.listen as Endpoint, socksFlight(`;40;STA02;${HEX}`)),
          MOST.client,
        ],
        'who wants a ticket': [() => hear(shop, buy), MOST.storefront],
        'a gateway that redeems': [
          () => hearRelay(post),
          name === 'an address' ? MOST.relayedAddress : MOST.relay,
        ],
        'a gateway that looks': [() => hearRelay(look), MOST.relay],
      }
      for (const [who, [ask, most]] of Object.entries(answers)) {
        liar.answers.splice(0)
        liar.answers.push(field(length) as string)
        const heard = await ask()
        t.ok(heard.length <= most, `${what}: ${who} hears ${heard.length} bytes`)
        t.same(others.foundIn(heard), [], `${what}: nothing of anybody else`)
      }
    }
  }
  t.ok(others.areUnspoilt, 'the others noticed nothing')
})

/** A double hop of a good STA and a liar, with a second storefront that asks the liar alone. */
async function furnish(house: House, liar: StaStub): Promise<{ hop: DoubleHop; shop: Endpoint }> {
  const sta = await house.sta()
  const vda = await house.vda()
  const good = { id: 'STA01', urls: [`https://${sta.where()}`] }
  const bad = { id: 'STA02', urls: [liar.url] }
  const apps = publish(vda)
  const proxy = await house.proxy([good, bad])
  const storefront = await house.storefront([good], apps)
  const lied = await house.storefront([bad], apps)
  const nextHops = [{ name: 'proxy', address: proxy.where() }]
  const through = (address: string) =>
    house.gateway([good, bad], nextHops, { storefronts: [{ address }] })
  const gateway = await through(storefront.where())
  const other = await through(lied.where())
  const access = house.access(gateway)
  const ticket = (app = 'echo') => house.ticket(access, app)
  return {
    hop: { sta, vda, proxy, storefront, gateway, access, ticket },
    shop: other.at.listen as Endpoint,
  }
}
