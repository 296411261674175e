import { X509Certificate } from 'node:crypto'
import t from 'tap'
import { linesOf } from '../kit/daemon-process.ts'
import type { Kind } from '../kit/house.ts'
import { HouseAuthority } from '../kit/house-authority.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { metricOf } from '../kit/metric.ts'
import { until } from '../kit/wait.ts'

const DAY = 24 * 3_600_000
const DAEMONS = ['gateway', 'proxy', 'storefront', 'sta'] as const satisfies Kind[]

const inDays = (days: number): { notAfter: Date } => ({
  notAfter: new Date(Date.now() + days * DAY),
})

const house = new HouseToReload(t, DAEMONS)
const authority = new HouseAuthority(house)
for (const kind of DAEMONS) authority.renew(kind, inDays(29))
const double = await house.doubleHop()

/** What a daemon has warned of so far. */
function warned(kind: Kind, event: string): Record<string, unknown>[] {
  return linesOf(house.program(kind)).filter((line) => line.event === event)
}

for (const kind of DAEMONS) {
  t.test(`the ${kind} warns of certificates that end within 30 days`, async (t) => {
    const file = `certs/${kind}/tls.crt`
    const ends = new X509Certificate(authority.certificateOf(kind)).validToDate
    // A gateway shows one to clients and one to its next hops, here the same.
    const atStart = await until(
      () => warned(kind, 'certificate-ends'),
      ({ length }) => length > 0,
    )
    for (const line of atStart)
      t.match(line, {
        level: 'warn',
        code: 'DH_CERTIFICATE_ENDS',
        msg: `${file} ends on ${ends.toISOString()}`,
        action: 'renew it and send SIGHUP',
      })
    t.equal(atStart.length, kind === 'gateway' ? 2 : 1)
    const expiry = async (use: string) =>
      await metricOf(
        double[kind].at.admin,
        'doublehop_certificate_expiry_timestamp_seconds',
        `{certificate="${use}"}`,
      )
    t.equal(await expiry('identity'), ends.getTime() / 1000)
    const ca = new X509Certificate(authority.issuer.cert).validToDate.getTime()
    t.equal(await expiry('ca'), ca / 1000)
    t.equal(await expiry('tls'), kind === 'gateway' ? ends.getTime() / 1000 : undefined)

    await house.change(kind)
    await until(
      () => warned(kind, 'certificate-ends').length,
      (count) => count === 2 * atStart.length,
    )

    const renewed = new X509Certificate(authority.renew(kind, inDays(31)))
    await house.change(kind)
    t.equal(await expiry('identity'), renewed.validToDate.getTime() / 1000)
    await house.change(kind)
    t.equal(warned(kind, 'certificate-ends').length, 2 * atStart.length, '31 days are enough')
  })
}

t.test('the gateway warns of a next hop without TLS, at the start and on reload', async (t) => {
  const [hop] = house.section('gateway').nextHops as object[]
  t.same(warned('gateway', 'insecure'), [])
  await house.change('gateway', { nextHops: [{ ...hop, secure: 'off' }] })
  t.match(warned('gateway', 'insecure'), [{ level: 'warn', hop: 'proxy', msg: /secure: off/ }])
  await house.change('gateway')
  t.equal(warned('gateway', 'insecure').length, 2)
})

t.test('the proxy warns of gateways without TLS, at the start and on reload', async (t) => {
  const other = new HouseToReload(t, ['proxy'])
  const stas = [{ id: 'STA01', urls: ['https://127.0.0.1:1'] }]
  await other.proxy(stas, { secure: 'off', allow: { networks: ['127.0.0.0/8'] } })
  const warnings = () => linesOf(other.program('proxy')).filter(({ event }) => event === 'insecure')
  t.match(warnings(), [{ level: 'warn', msg: /secure: off/ }])
  await other.change('proxy')
  t.equal(warnings().length, 2)
})
