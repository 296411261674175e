import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { FailureDelay } from '@doublehop/daemon/failure-delay'
import type { Leg } from '@doublehop/daemon/leg'
import { logTo } from '@doublehop/daemon/log'
import { Metrics } from '@doublehop/daemon/metrics'
import { settingsSchema } from '@doublehop/settings/schema'
import { StorefrontApi } from '@doublehop/storefront/api'
import type { TicketIssuer } from '@doublehop/storefront/ticket-issuer'
import { bytesOf } from '@doublehop/wire/text'
import { parseTicket } from '@doublehop/wire/ticket'
import type { Dice } from './dice.ts'
import type { Parser, Verdict } from './parser.ts'
import { TICKETS } from './samples.ts'

const TOKEN = 'fuzz'
const BODIES = [
  ...['{"app":"echo"}', '{"app":"other"}', ' {"app" : "\\u0065cho"}\r\n', '{"app":["echo"]}'],
  ...['{"app":"echo","more":1}', '{"__proto__":{"app":"echo"}}', '[]', '{"app":1e999}', '"echo"'],
]

let api: StorefrontApi | undefined

/** What the storefront makes of the body of a POST, behind HTTP and the token. */
export const storefrontBody: Parser = {
  name: 'body at the storefront',
  share: 4,
  longest: 4200,
  corpus: BODIES.map(bytesOf),
  async judge(input: Uint8Array, dice: Dice): Promise<Verdict> {
    api ??= makeApi()
    const request = new IncomingMessage(new Socket())
    Object.assign(request, { method: 'POST', url: '/tickets' })
    request.headers['content-type'] = 'application/json'
    request.headers.authorization = `Bearer ${TOKEN}`
    for (const piece of dice.cut(input)) request.push(piece)
    request.push(null)
    const response = new ServerResponse(request)
    await api.answer(request, response, { leg: {} as Leg, client: undefined })
    assert.ok([201, 400, 404].includes(response.statusCode), `answered ${response.statusCode}`)
    return response.statusCode === 201 ? 'accepted' : 'refused'
  },
}

function makeApi(): StorefrontApi {
  process.env.FUZZ_DIGEST = createHash('sha256').update(TOKEN).digest('hex')
  const settings = settingsSchema('/').parse({
    storefront: {
      listen: '10.2.0.6:8444',
      identity: { certificate: 'storefront.crt', key: 'storefront.key', ca: 'ca.crt' },
      gateways: { names: ['gateway.example'] },
      tokenDigest: 'env:FUZZ_DIGEST',
      serviceKey: 'file:service.key',
      stas: [{ urls: ['https://10.3.0.5:8080'] }],
      apps: [{ name: 'echo', cgpAddress: 'vda.internal:2598' }],
    },
  })
  assert.ok(settings.storefront)
  const issue = async () => ({ ticket: parseTicket(TICKETS[3] ?? ''), expiresAt: 0 })
  const issuer = { issue } as unknown as TicketIssuer
  const parts = {
    settings: settings.storefront,
    issuer,
    tokenDigest: process.env.FUZZ_DIGEST,
    retire() {},
    close() {},
  }
  return new StorefrontApi(() => parts, new FailureDelay(undefined), {
    log: logTo('fuzz', () => {}),
    audit() {},
    metrics: new Metrics(),
    zones: {},
  })
}
