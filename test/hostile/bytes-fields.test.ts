import type { Endpoint } from '@doublehop/wire/endpoint'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { Bystanders } from '../kit/bystanders.ts'

import { type End, openEnd } from '../kit/ends.ts'
import { answersIn } from '../kit/http-answers.ts'
import { HttpServices } from '../kit/http-services.ts'
import {
  clientFields,
  gatewayFields,
  httpFields,
  type LongField,
  proxyHeaderFields,
} from '../kit/long-fields.ts'
import { helloFor } from '../kit/long-hello.ts'
import { buffersInUse, heapInUse } from '../kit/memory.ts'
import { until } from '../kit/wait.ts'

/**
 * Fields longer than anybody needs, while others are at work: the answer is short, holds nothing of theirs, and the
 * field is forgotten.
 */

const LENGTHS = [255, 256, 4096, 24_812, 1_000_000]
const AT_ONCE = 30

/** Where something is said, and the most bytes that may come back. */
interface Place {
  readonly name: string
  readonly fields: Readonly<Record<string, LongField>>
  readonly most: number
  readonly open: () => Promise<End>
  readonly isAnswered?: (end: End) => boolean
}

t.setTimeout(300_000)

t.test('over-long fields', async (t) => {
  const services = await HttpServices.open(t)
  const { house, hop } = services
  const others = await Bystanders.gather(t, house, hop)
  const places = placesOf(t, services)
  // What is made once and stays, a first round makes.
  for (const place of places.filter(({ isAnswered }) => isAnswered))
    await sayAll(t, place, others, [255])
  const before = memory()
  let said = 0
  let longest = 0

  for (const place of places) {
    await t.test(`${place.name}: no answer is longer than ${place.most} bytes`, async (t) => {
      said += await sayAll(t, place, others, LENGTHS)
    })
    longest = Math.max(longest, ...house.log.map((line) => JSON.stringify(line).length))
    house.log.length = 0
    house.audit.length = 0
  }

  t.ok(longest < 2048, `no log line is longer than ${longest} characters`)
  t.ok(said > 100_000_000, `${said} bytes were said`)
  await until(memory, (now) => now - before < 16_000_000, 20_000)
  t.pass('and none of them is kept')
  const seen = others.progress
  await until(
    () => others.progress,
    (now) => now.every((heard, at) => heard > (seen[at] ?? 0)),
  )
  t.ok(others.areUnspoilt, 'the others noticed nothing')
  const { leg } = await launch(hop.access, {
    ticket: await hop.ticket(),
    port: 2598,
    protocol: 'socks',
  })
  leg.destroy()
})

function placesOf(t: Test, services: HttpServices): Place[] {
  const { hop, house } = services
  const identity = (role: string) => ({
    cert: house.read(`${role}/tls.crt`),
    key: house.read(`${role}/tls.key`),
    ca: house.read('ca/ca.crt'),
  })
  const at = ({ at }: { at: Readonly<Record<string, Endpoint>> }) => at.listen as Endpoint
  const sni = { 'a server’s name': (length: number) => helloFor('q'.repeat(length)) }
  const daemons = ['gateway', 'proxy', 'storefront', 'sta'] as const
  const places: Place[] = [
    ...services.all.map((service) => ({
      name: service.name,
      fields: httpFields(service),
      most: 512,
      open: () => service.open(),
      isAnswered: (end: End) => answersIn(end.heard).length > 0,
    })),
    {
      name: 'gateway, by a client',
      fields: clientFields,
      most: 12, // a method and a reply
      open: () => openEnd(t, at(hop.gateway), { ca: house.read('ca/ca.crt') }),
    },
    {
      name: 'proxy, by a gateway',
      fields: gatewayFields,
      most: 14, // a method, a login and a reply
      open: () => openEnd(t, at(hop.proxy), identity('gateway')),
    },
    {
      name: 'storefront, by a gateway',
      fields: proxyHeaderFields,
      most: 512,
      open: () => openEnd(t, at(hop.storefront), identity('gateway')),
    },
    ...daemons.map((name) => ({
      name: `TLS of the ${name}`,
      fields: sni,
      most: 4096, // the certificates of the server
      open: () => openEnd(t, at(hop[name])),
      isAnswered: (end: End) => end.heard.length > 0,
    })),
  ]
  return places
}

/** @returns how many bytes were said */
async function sayAll(
  t: Test,
  place: Place,
  others: Bystanders,
  lengths: readonly number[],
): Promise<number> {
  const attempts = Object.entries(place.fields).flatMap(([name, field]) =>
    lengths.map((length) => ({ what: `${name} of ${length} bytes`, length, field })),
  )
  let said = 0
  for (let at = 0; at < attempts.length; at += AT_ONCE) {
    const few = attempts.slice(at, at + AT_ONCE)
    await Promise.all(
      few.map(async ({ what, length, field }) => {
        const bytes = field(length)
        said += bytes.length
        const end = await place.open()
        end.say(bytes)
        await end.until(() => end.ended || end.closed || place.isAnswered?.(end) === true)
        end.finish()
        await end.until(() => end.ended || end.closed)
        end.destroy()
        t.ok(end.heard.length <= place.most, `${what}: answered ${end.heard.length} bytes`)
        t.same(others.foundIn(end.heard), [], `${what}: nothing of anybody else`)
      }),
    )
  }
  return said
}

function memory(): number {
  return buffersInUse() + heapInUse()
}
