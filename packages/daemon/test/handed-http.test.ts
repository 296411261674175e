import type { IncomingMessage, ServerResponse } from 'node:http'
import { converse } from '@doublehop/daemon/conversation'
import { HandedHttp, type HttpLimits } from '@doublehop/daemon/handed-http'
import { readBody } from '@doublehop/daemon/http-body'
import { take } from '@doublehop/wire/conversation'
import { bytesOf } from '@doublehop/wire/text'
import t, { type Test } from 'tap'
import { WIRES, type Wire } from '../../../test/kit/certificates.ts'
import { type End, openEnd } from '../../../test/kit/ends.ts'
import { clientTls, listenForLegs } from '../../../test/kit/legs.ts'
import { until } from '../../../test/kit/wait.ts'

const HELLO = 'hello:'

/** Something that says `hello:` first and HTTP afterwards: each answer is the path and the length of the body. */
async function openHello(
  t: Test,
  wire: Wire,
  limits: Partial<HttpLimits> = {},
): Promise<{ http: HandedHttp<string>; open: () => Promise<End> }> {
  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    about: string,
  ): Promise<void> => {
    const body = await readBody(request, 1_000_000)
    response.end(`${about} ${request.url} ${body?.length}\n`)
  }
  const http = new HandedHttp<string>(
    { requestMilliseconds: 5000, headBytes: 16_384, ...limits },
    (...asked) => void answer(...asked),
  )
  t.teardown(() => http.close())
  const hello = { what: 'hello', milliseconds: 5000, bytes: 1_000_000 }
  const { at } = await listenForLegs(t, wire, (leg) => {
    converse(leg, take(HELLO.length), hello).then(
      (said) => http.serve(leg, `after ${Buffer.from(said)}`),
      () => leg.destroy(),
    )
  })
  return { http, open: () => openEnd(t, at, clientTls(wire)) }
}

function get(path: string): string {
  return `GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`
}

/** Waits for the answers to so many requests and gives their bodies. */
async function answers(end: End, count: number): Promise<string[]> {
  const bodies = (): string[] => end.heard.toString().match(/^after .*$/gm) ?? []
  await until(bodies, (seen) => seen.length >= count)
  return bodies()
}

for (const wire of WIRES) {
  t.test(`HTTP behind something else, over ${wire}`, async (t) => {
    t.test('in one write with it, pipelined, and at leisure afterwards', async (t) => {
      const { open } = await openHello(t, wire)
      const end = await open()
      end.say(HELLO + get('/a') + get('/b'))
      t.same(await answers(end, 2), ['after hello: /a 0', 'after hello: /b 0'])
      end.say(get('/c'))
      t.equal((await answers(end, 3))[2], 'after hello: /c 0')
    })

    t.test('byte by byte', async (t) => {
      const { open } = await openHello(t, wire)
      const end = await open()
      for (const byte of bytesOf(HELLO + get('/a'))) {
        end.say(Uint8Array.of(byte))
        await new Promise(setImmediate)
      }
      t.same(await answers(end, 1), ['after hello: /a 0'])
    })

    t.test('so much of it that it takes many reads: every byte in its place', async (t) => {
      const { open } = await openHello(t, wire)
      for (const length of [16_000, 65_536, 900_000]) {
        const end = await open()
        const body = 'x'.repeat(length)
        const post = `POST /post HTTP/1.1\r\nHost: here\r\nContent-Length: ${length}\r\n\r\n${body}`
        end.say(HELLO + post + get('/behind'))
        t.same(await answers(end, 2), [`after hello: /post ${length}`, 'after hello: /behind 0'])
      }
    })

    t.test('hello, and much later a request', async (t) => {
      const { open } = await openHello(t, wire)
      const end = await open()
      end.say(HELLO)
      await new Promise((resolve) => setTimeout(resolve, 50))
      end.say(get('/a'))
      t.same(await answers(end, 1), ['after hello: /a 0'])
    })

    t.test('a request that drips in meets its time limit', async (t) => {
      const { open } = await openHello(t, wire, { requestMilliseconds: 300 })
      const slow: [string, string][] = [
        ['its headers', `${HELLO}GET /a HTTP/1.1\r\nX: `],
        ['its body', `${HELLO}POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n`],
        ['all of it', HELLO],
      ]
      const ends = await Promise.all(
        slow.map(async ([what, said]) => {
          const end = await open()
          end.say(said)
          const drip = what === 'all of it' ? undefined : setInterval(() => end.say('x'), 50)
          t.teardown(() => clearInterval(drip))
          return { what, end }
        }),
      )
      for (const { what, end } of ends) {
        await end.until(() => end.ended || end.closed)
        t.match(end.heard.toString(), /^HTTP\/1.1 408 /, what)
      }
    })

    t.test('one that may rest is closed when it has rested enough', async (t) => {
      const { open } = await openHello(t, wire, { keepMilliseconds: 100 })
      const end = await open()
      end.say(HELLO + get('/a'))
      await answers(end, 1)
      await end.until(() => end.ended || end.closed)
    })

    t.test('closing ends what rests, and what is in the middle of a request', async (t) => {
      const { http, open } = await openHello(t, wire)
      const resting = await open()
      resting.say(HELLO + get('/a'))
      await answers(resting, 1)
      const asking = await open()
      asking.say(
        `${HELLO + get('/a')}POST /b HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n12345`,
      )
      await answers(asking, 1)
      http.close()
      for (const end of [resting, asking]) await end.until(() => end.ended || end.closed)
    })

    t.test('a client that breaks off harms nobody', async (t) => {
      const { open } = await openHello(t, wire)
      for (const way of ['reset', 'destroy'] as const) {
        const broken = await open()
        broken.say(
          `${HELLO + get('/a')}POST /b HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n12345`,
        )
        await answers(broken, 1)
        broken[way]()
      }
      const end = await open()
      end.say(HELLO + get('/a'))
      t.same(await answers(end, 1), ['after hello: /a 0'])
    })
  })
}
