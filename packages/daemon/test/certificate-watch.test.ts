import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { CertificateWatch } from '@doublehop/daemon/certificate-watch'
import { logTo } from '@doublehop/daemon/log'
import { Metrics } from '@doublehop/daemon/metrics'
import t from 'tap'
import { inFiles, TestAuthority } from '../../../test/kit/certificates.ts'
import type { LogLine } from '../../../test/kit/house.ts'

const DAY = 24 * 3_600_000
const AUTHORITY = new TestAuthority()

function watch() {
  const lines: LogLine[] = []
  const metrics = new Metrics()
  const watch = new CertificateWatch(
    logTo('proxy', (line) => void lines.push(JSON.parse(line))),
    metrics,
  )
  const shown = async () => {
    const text = await metrics.registry.metrics()
    const all = text.matchAll(
      /^doublehop_certificate_expiry_timestamp_seconds\{certificate="([\w-]+)"\} (\d+)$/gm,
    )
    return Object.fromEntries([...all].map(([, use, end]) => [use, Number(end)]))
  }
  return { watch, lines, shown }
}

/** A certificate, with its authority's, that ends so many milliseconds from now. */
function ending(milliseconds: number) {
  const shown = AUTHORITY.issue(['proxy'], { notAfter: new Date(Date.now() + milliseconds) })
  return { ...inFiles(shown), end: new X509Certificate(shown.cert).validToDate.getTime() / 1000 }
}

t.test(
  'a certificate that ends in less than 30 days is warned of, one that does not is not',
  async (t) => {
    const { watch: one, lines } = watch()
    one.look({ identity: ending(30 * DAY + 60_000).certificate })
    t.same(lines, [])
    const { certificate } = ending(30 * DAY - 60_000)
    one.look({ identity: certificate })
    t.match(lines, [
      {
        level: 'warn',
        event: 'certificate-ends',
        code: 'DH_CERTIFICATE_ENDS',
        msg: `the certificate in ${certificate} ends on `,
      },
    ])
  },
)

t.test('of several in one file the one that ends first counts', async (t) => {
  const { watch: one, lines, shown } = watch()
  const [late, soon] = [ending(300 * DAY), ending(3 * DAY)]
  writeFileSync(
    late.certificate,
    readFileSync(late.certificate, 'utf8') + readFileSync(soon.certificate, 'utf8'),
  )
  one.look({ identity: late.certificate })
  t.equal(lines.length, 1)
  t.same(await shown(), { identity: soon.end })
})

t.test(
  'the metric tells of each file that is configured, and of none that is no more',
  async (t) => {
    const { watch: one, shown } = watch()
    const [first, second] = [ending(100 * DAY), ending(200 * DAY)]
    one.look({ identity: first.certificate, ca: first.ca, tls: undefined })
    t.match(await shown(), { identity: first.end, ca: Number })
    t.notHas(await shown(), { tls: Number })
    one.look({ identity: second.certificate })
    t.same(await shown(), { identity: second.end })
  },
)
