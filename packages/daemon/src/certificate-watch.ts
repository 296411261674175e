import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fault } from '@doublehop/errors/fault'
import type { Logger } from './log.ts'
import type { Metrics } from './metrics.ts'

/** How long before its end a certificate is warned of. */
const WARN_MILLISECONDS = 30 * 24 * 3_600_000

/** PEM files by what they are for, such as `tls`, `identity`, `ca`. */
export type WatchedCertificates = Readonly<Record<string, string | undefined>>

/** Tells when certificates end: a metric of each, and a warning at start and reload where one ends within 30 days. */
export class CertificateWatch {
  readonly #log: Logger
  #ends: ReadonlyMap<string, number> = new Map()

  constructor(log: Logger, metrics: Metrics) {
    this.#log = log
    metrics.gauges(
      'doublehop_certificate_expiry_timestamp_seconds',
      'When the certificate that ends first in each configured file ends',
      'certificate',
      () => new Map([...this.#ends].map(([use, end]) => [use, end / 1000])),
    )
  }

  /** Looks at these files, which have been read before and were good. */
  look(files: WatchedCertificates): void {
    const ends = new Map<string, number>()
    for (const [use, file] of Object.entries(files)) {
      const end = file === undefined ? undefined : earliestEnd(readFileSync(file, 'latin1'))
      if (file === undefined || end === undefined) continue
      ends.set(use, end)
      if (end - Date.now() < WARN_MILLISECONDS) this.#warn(file, end)
    }
    this.#ends = ends
  }

  #warn(file: string, end: number): void {
    const { code, message, action } = fault('DH_CERTIFICATE_ENDS', {
      file,
      date: new Date(end).toISOString(),
    })
    this.#log.warn({ event: 'certificate-ends', code, action }, message)
  }
}

/** ms since 1970; undefined where there is no certificate. */
function earliestEnd(pem: string): number | undefined {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  const ends = certificates.map((one) => new X509Certificate(one).validToDate.getTime())
  return ends.length === 0 ? undefined : Math.min(...ends)
}
