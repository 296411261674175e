import t from 'tap'
import { clientHello } from '../kit/client-hello.ts'
import { LimitScene } from '../kit/limit-scene.ts'
import { told } from '../kit/stranger.ts'

/** The type of the record that a ServerHello comes in (RFC 8446, 5.1). */
const HANDSHAKE = 22

for (const limit of ['sessions', 'sessionsPerSource']) {
  t.test(`who is refused by gateway.limits.${limit} gets no ServerHello`, async (t) => {
    const scene = await LimitScene.whole(t, { gateway: { [limit]: 2 } })
    const hello = await clientHello(t)
    const room = await scene.bare('gateway')
    room.say(hello)
    const [first] = await room.read(1)
    t.equal(first, HANDSHAKE, 'while there is room it is answered')
    room.destroy()

    const tickets = [await scene.ticket(), await scene.ticket()]
    for (const ticket of tickets) t.equal(await scene.fate(await scene.launch(ticket)), 'served')
    const refused = await scene.bare('gateway')
    refused.say(hello)
    t.equal(await told(refused), 'nothing', 'and then not a byte')
    const elsewhere = await scene.bare('gateway', { from: '127.0.0.2' })
    elsewhere.say(hello)
    if (limit === 'sessions') t.equal(await told(elsewhere), 'nothing')
    else t.equal((await elsewhere.read(1))[0], HANDSHAKE, 'another source has its own places')
  })
}

t.test('nor does a gateway where proxy or storefront are full', async (t) => {
  const hello = await clientHello(t)
  for (const kind of ['proxy', 'storefront'] as const) {
    const scene = await LimitScene.whole(t, { [kind]: { sessions: 1 } })
    if (kind === 'proxy') await scene.session()
    else {
      const client = await scene.client()
      client.say('GET /apps HTTP/1.1\r\nHost: x\r\n')
    }
    const isFull = async (): Promise<boolean> => {
      const next = await scene.bare(kind)
      next.say(hello)
      await next.until(() => next.heard.length > 0 || next.ended || next.closed)
      next.destroy()
      return next.heard.length === 0
    }
    let full = await isFull()
    for (let tries = 0; !full && tries < 50; tries++) full = await isFull()
    t.ok(full, kind)
  }
})
