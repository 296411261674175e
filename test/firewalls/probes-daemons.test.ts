import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Observation } from '@doublehop/firewall/check/observation'
import { observe } from '@doublehop/firewall/check/observe'
import type { ProbeTls } from '@doublehop/firewall/check/plan'
import type { Endpoint } from '@doublehop/wire/endpoint'
import t from 'tap'
import { House } from '../kit/house.ts'
import { type ProbeParts, probeOf } from '../kit/probe-of.ts'

t.test('every daemon is recognised by what it speaks, layer by layer', async (t) => {
  const house = new House(t)
  const { gateway, proxy, storefront, sta, vda } = await house.doubleHop({
    sta: { listenHttp: '127.0.0.1:0', redeemers: { names: ['proxy'], networks: ['127.0.0.2/32'] } },
  })
  const see = seeing(house)
  const open = (seen: Seen, layers: Record<string, string>): Seen => ({
    observed: 'open',
    layers: { tcp: 'pass', ...layers },
    ...(seen.note !== undefined && { note: seen.note }),
  })
  const tls = 'pass: TLSv1.3, the expected key'

  const workspace = await see(gateway.at.listen, {
    speaks: 'socks',
    tls: house13(house, 'gateway', 'localhost', undefined),
  })
  t.same(workspace, open(workspace, { tls, socks: 'pass: method 00, no login' }), 'gateway')

  const hop = await see(proxy.at.listen, {
    speaks: 'socks',
    tls: house13(house, 'proxy', 'proxy', 'gateway'),
  })
  t.same(hop, open(hop, { tls, socks: 'pass: method 02, a login' }), 'proxy')

  const http = await see(storefront.at.listen, {
    speaks: 'storefront',
    tls: house13(house, 'storefront', 'storefront', 'gateway'),
  })
  t.match(http, open(http, { tls, http: 'pass: HTTP 404' }), 'storefront')

  const redeemer = await see(sta.at.listen, {
    speaks: 'sta',
    tls: house13(house, 'sta', '127.0.0.1', 'proxy'),
  })
  t.same(redeemer, open(redeemer, { tls, sta: 'pass: refuses the all-zero ticket' }), 'STA')

  const plain = await see(sta.at.listenHttp, { speaks: 'sta', from: '127.0.0.2' })
  t.same(plain, open(plain, { sta: 'pass: refuses the all-zero ticket' }), 'STA without TLS')

  const issuer = await see(sta.at.listen, {
    speaks: 'sta-health',
    tls: house13(house, 'sta', '127.0.0.1', 'storefront'),
  })
  t.same(issuer, open(issuer, { tls, sta: 'pass: 406, STA01' }), 'STA, its health')

  const session = await see(vda.at['echo.cgp'], { speaks: 'echo' })
  t.same(session, open(session, { echo: 'pass: the nonce came back' }), '2598')
  const greeted = await see(vda.at['echo.ica'], { speaks: 'ica' })
  t.same(greeted, open(greeted, { ica: 'pass: it greets' }), '1494')
})

t.test('a caller that an STA does not let redeem is told so, and no firewall blamed', async (t) => {
  const house = new House(t)
  const sta = await house.sta()
  const seen = await seeing(house)(sta.at.listen, {
    speaks: 'sta',
    tls: house13(house, 'sta', '127.0.0.1', 'gateway'),
  })
  t.same(seen.observed, 'unknown')
  t.match(seen.note, /does not let this caller redeem/)
})

t.test('a daemon in another one’s place is a wrong service, and shown', async (t) => {
  const house = new House(t)
  const { storefront, vda } = await house.doubleHop()
  const see = seeing(house)

  const led = await see(storefront.at.listen, {
    speaks: 'socks',
    tls: { ...house13(house, 'proxy', 'proxy', 'gateway') },
  })
  t.same(led, {
    observed: 'wrong-service',
    note: 'the certificate of storefront is shown, not of proxy',
    layers: {
      tcp: 'pass',
      tls: 'fail: the certificate of storefront is shown, not of proxy',
      socks: 'skip',
    },
  })
  const greets = await see(vda.at['echo.ica'], {
    speaks: 'socks',
    tls: house13(house, 'proxy', 'proxy', 'gateway'),
  })
  t.match(greets, { observed: 'wrong-service', note: 'no TLS there, it answers 7f 7f 49 43 41 00' })
  const plain = await see(storefront.at.listen, { speaks: 'redis' })
  t.match(plain, { observed: 'wrong-service', note: /TLS|without a word/ })
})

t.test('a certificate that the other side wants is named where it is missing', async (t) => {
  const house = new House(t)
  const { proxy } = await house.doubleHop()
  const seen = await seeing(house)(proxy.at.listen, {
    speaks: 'socks',
    tls: house13(house, 'proxy', 'proxy', undefined),
  })
  t.match(seen, {
    observed: 'unknown',
    note: /^TLS alert from there: (?:certificate required|handshake failure)$/,
  })
  t.match(seen.layers, { tcp: 'pass', tls: /^fail: TLS alert/, socks: 'skip' })
})

/** What a test holds an observation against. */
interface Seen extends Pick<Observation, 'observed' | 'note'> {
  readonly layers: Readonly<Record<string, string>>
}

function seeing(_: House) {
  return async (at: Endpoint | undefined, parts: ProbeParts): Promise<Seen> => {
    const probe = probeOf({ port: at?.port ?? 0, ...parts })
    const { observed, note, layers } = await observe(probe, { timeoutMilliseconds: 5000 })
    const shown = layers.map(({ layer, result, note: said }) => [
      layer,
      said === undefined ? result : `${result}: ${said}`,
    ])
    return { observed, layers: Object.fromEntries(shown), ...(note !== undefined && { note }) }
  }
}

/** How one daemon of the house speaks TLS with another, as a plan tells it. */
function house13(
  { folder }: House,
  of: string,
  serverName: string,
  as: string | undefined,
): ProbeTls {
  const file = (name: string): string => join(folder, 'certs', name)
  const { publicKey } = new X509Certificate(readFileSync(file(`${of}/tls.crt`)))
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return {
    serverName,
    ca: file('workspace/ca.crt'),
    spki: createHash('sha256').update(der).digest('base64'),
    ...(as && { certificate: file(`${as}/tls.crt`), key: file(`${as}/tls.key`) }),
  }
}
