import { isFault } from '@doublehop/errors/fault'
import { encodeRequestData, encodeResponseData, STA_PATH } from '@doublehop/wire/sta-messages'
import { utf8 } from '@doublehop/wire/text'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import { readXml } from '@doublehop/wire/xml'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { Beacon } from '../kit/beacon.ts'
import { House } from '../kit/house.ts'
import { answersIn } from '../kit/http-answers.ts'
import { HttpServices } from '../kit/http-services.ts'
import { StaStub } from '../kit/sta-stub.ts'
import { xmlBombs } from '../kit/xml-bombs.ts'

/** XML that explodes, reaches out, or is none: refused at once, wherever XML is read, and nothing is touched. */

const DATA = [{ name: 'CGPAddress', value: '127.0.0.1:2598' }]
const HEX = 'A'.repeat(32)
/** Of the whole process, for one document: what reads it, what writes it, TLS and the rest of the house. */
const MOST_MILLISECONDS = 3000

t.setTimeout(300_000)

t.test('the reader', async (t) => {
  const beacon = await Beacon.light(t)
  const bombs = xmlBombs(Buffer.from(encodeRequestData({ hex: HEX })).toString(), beacon)
  const dtd = { root: 'CtxSTAProtocol', system: 'CtxSTA.dtd' }
  for (const [name, bytes] of Object.entries(bombs)) {
    if (name.startsWith('10 MiB of') || utf8(bytes) === undefined) continue // its callers refuse those
    const before = process.threadCpuUsage()
    try {
      readXml(bytes.toString(), dtd)
      t.equal(name, '10 MiB before the root', 'only what is harmless in itself is read')
    } catch (caught) {
      t.ok(isFault(caught, 'DH_XML'), name)
    }
    const { user, system } = process.threadCpuUsage(before)
    t.ok((user + system) / 1000 < MOST_MILLISECONDS, `${name}: at once`)
  }
  t.equal(beacon.connections, 0)
  t.notOk(beacon.isRead)
})

t.test('STA and relay, asked over real sockets', async (t) => {
  const services = await HttpServices.open(t)
  const beacon = await Beacon.light(t)
  for (const service of services.all.slice(0, 3)) {
    t.test(service.name, async (t) => {
      const hidden = await service.hidden()
      const good = hidden.request.slice(hidden.request.indexOf('<?xml'))
      for (const [name, bytes] of Object.entries(xmlBombs(good, beacon))) {
        const end = await service.open()
        const before = process.threadCpuUsage()
        end.say(`${service.head}Content-Length: ${bytes.length}\r\n\r\n`)
        end.say(bytes)
        await end.until(() => end.ended || end.closed || answersIn(end.heard).length > 0)
        const { user, system } = process.threadCpuUsage(before)
        end.destroy()
        const [answer, ...more] = answersIn(end.heard)
        // A connection that is cut in the middle of 10 MiB may take its answer along.
        const expected = bytes.length > 65_536 ? [403, 413, undefined] : [400, 403]
        t.ok(expected.includes(answer?.status), `${name}: answered ${answer?.status}`)
        t.equal(more.length, 0)
        t.equal(answer?.body.length ?? 0, 0)
        t.ok((user + system) / 1000 < MOST_MILLISECONDS, `${name}: at once`)
      }
      t.notOk(await hidden.wasDone(), 'the ticket in them all is still good')
      const next = await service.open()
      next.say(service.probe.request)
      await next.until(() => answersIn(next.heard).length > 0)
      t.equal(answersIn(next.heard)[0]?.status, 406, 'and so is the next connection')
      next.destroy()
    })
  }
  t.equal(beacon.connections, 0, 'nothing was fetched')
  t.notOk(beacon.isRead)
})

t.test('proxy, gateway and storefront, when an STA answers so', async (t) => {
  const house = new House(t)
  const beacon = await Beacon.light(t)
  const sta = await StaStub.listen(t, house, '127.0.0.1:9')
  const stas = [{ id: 'STA01', urls: [sta.url] }]
  const limits = { staRequest: '5 s' }
  const proxy = await house.proxy(stas, { limits })
  const apps = [{ name: 'echo', cgpAddress: '127.0.0.1:2598' }]
  const storefront = await house.storefront(stas, apps)
  const nextHops = [{ name: 'proxy', address: proxy.where() }]
  const storefronts = [{ address: storefront.where() }]
  const here = house.access(await house.gateway(stas, nextHops, { storefronts }))
  const there = house.access(await house.gateway(stas, nextHops, { redeemAt: 'proxy' }))
  const good = Buffer.from(encodeResponseData(DATA)).toString()
  const ticket = new Ticket(40, new StaTicket('STA01', HEX))
  const refusal = (access: typeof here): Promise<string> =>
    launch(access, { ticket, port: 2598, protocol: 'socks' }).then(
      () => 'launched',
      ({ code }) => String(code),
    )

  const before = process.threadCpuUsage()
  const bombs = Object.entries(xmlBombs(good, beacon))
  for (const [name, bytes] of bombs) {
    const head = `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${bytes.length}\r\n\r\n`
    sta.answers.push(...Array(3).fill(head + bytes.toString('latin1')))
    sta.encoding = 'latin1'
    t.match(await refusal(here), /^DH_SOCKS_(DENIED|FAILED|UNREACHABLE)$/, `${name}: for a gateway`)
    t.match(await refusal(there), /^DH_SOCKS_(DENIED|FAILED|UNREACHABLE)$/, `${name}: for a proxy`)
    await t.rejects(
      house.ticket(here),
      { code: 'DH_STOREFRONT_ANSWER' },
      `${name}: for a storefront`,
    )
    t.equal(sta.answers.length, 0, 'each of them asked the STA')
  }
  const { user, system } = process.threadCpuUsage(before)
  t.ok((user + system) / 1000 < bombs.length * MOST_MILLISECONDS)
  t.equal(beacon.connections, 0, 'nothing was fetched')
  t.notOk(beacon.isRead)
  t.equal(sta.heard.filter(({ first }) => !first.includes(STA_PATH)).length, 0)
})
