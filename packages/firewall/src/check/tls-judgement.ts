import { createHash, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getCACertificates, type TLSSocket } from 'node:tls'
import { distrustOf } from '@doublehop/daemon/tls'
import { printable } from './languages/shown.ts'
import type { ProbeTls } from './plan.ts'
import type { Observed } from './result.ts'

/** Whether the right one answered, in the one word and in words for the engineer. */
export interface Judgement {
  readonly observed: Extract<Observed, 'open' | 'intercepted' | 'wrong-service' | 'unknown'>
  readonly note: string
}

/**
 * Holds the certificate that was shown against what is expected: its key, by the hash in the plan, then chain and name.
 *
 * The key says who is there, so with the expected key nobody stands between, whatever else is wrong: a certificate that
 * has run out, or bears another name, is for whoever renews it, and no firewall's matter (`unknown`, since launches fail
 * all the same). Another key, or a chain that ends at another authority, is somebody else (`intercepted`), unless our own
 * authority has signed it for another name: then the connection was led to another daemon (`wrong-service`).
 */
export function judge(socket: TLSSocket, expected: ProbeTls): Judgement {
  const leaf = socket.getPeerX509Certificate()
  const version = socket.getProtocol() ?? 'TLS'
  // TLS without a certificate is possible, and nobody of ours speaks it.
  if (leaf === undefined)
    return { observed: 'intercepted', note: `${version} without a certificate` }
  const distrust = distrustOf(socket)
  const isKey = expected.spki === undefined ? undefined : spkiOf(leaf) === expected.spki
  const who = `${nameOf(leaf.subject)}, issued by ${nameOf(leaf.issuer)}`
  if (isKey === true) return keyKnown(version, distrust, expected, leaf)

  const holds = distrust === undefined || leadsToTrusted(leaf, expected)
  const isOtherName = distrust === 'ERR_TLS_CERT_ALTNAME_INVALID'
  if (holds && isOtherName && expected.ca !== undefined) {
    const name = printable(certificateNameOf(leaf) ?? nameOf(leaf.subject))
    const note = `the certificate of ${name} is shown, not of ${expected.serverName}`
    return { observed: 'wrong-service', note }
  }
  if (isKey === false) {
    const renewed = holds && !isOtherName
    const perhaps = renewed ? ', or its certificate was renewed since the plan was made' : ''
    return { observed: 'intercepted', note: `another key answers: ${who}${perhaps}` }
  }
  if (distrust === undefined) return { observed: 'open', note: version }
  if (holds && !isOtherName) return { observed: 'unknown', note: reasonOf(distrust, leaf) }
  const unnamed =
    expected.ca === undefined ? '; the plan names no CA, so public ones are asked' : ''
  return { observed: 'intercepted', note: `${reasonOf(distrust, leaf)}: ${who}${unnamed}` }
}

function keyKnown(
  version: string,
  distrust: string | undefined,
  { ca }: ProbeTls,
  leaf: X509Certificate,
): Judgement {
  if (distrust === undefined) return { observed: 'open', note: `${version}, the expected key` }
  // Nobody has told whom this caller trusts.
  if (ca === undefined && !TIMES.includes(distrust))
    return {
      observed: 'open',
      note: `${version}, the expected key; no CA to hold its chain against`,
    }
  return { observed: 'unknown', note: `the expected key, but ${reasonOf(distrust, leaf)}` }
}

/** SHA-256 of the SubjectPublicKeyInfo (RFC 5280, 4.1.2.7), base64. */
function spkiOf({ publicKey }: X509Certificate): string {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(der).digest('base64')
}

const TIMES: readonly string[] = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']

function reasonOf(code: string, { validTo, validFrom }: X509Certificate): string {
  if (code === 'CERT_HAS_EXPIRED') return `its certificate, or its issuer’s, ran out (${validTo})`
  if (code === 'CERT_NOT_YET_VALID') return `its certificate is valid only from ${validFrom}`
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'its certificate bears another name'
  return `its chain does not hold (${printable(code)})`
}

/**
 * Whether signatures lead from this certificate to an authority that is trusted. OpenSSL tells only the last thing that
 * it found wrong: that a certificate has run out hides that nobody knows its issuer.
 */
function leadsToTrusted(leaf: X509Certificate, { ca }: ProbeTls): boolean {
  const trusted = ca === undefined ? getCACertificates('default') : pemBlocks(ca)
  const authorities = trusted.map((pem) => new X509Certificate(pem))
  let one: X509Certificate | undefined = leaf
  for (let depth = 0; depth < LONGEST_CHAIN && one !== undefined; depth++) {
    const child: X509Certificate = one
    const signs = (other: X509Certificate): boolean =>
      child.checkIssued(other) && child.verify(other.publicKey)
    if (authorities.some(signs)) return true
    const next: X509Certificate | undefined = child.issuerCertificate
    one = next?.ca && signs(next) ? next : undefined
  }
  return false
}

const LONGEST_CHAIN = 10

/** They were read before, when the context was made. */
function pemBlocks(file: string): string[] {
  const block = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g
  return readFileSync(file, 'latin1').match(block) ?? []
}

/** `CN=proxy`, or the whole name on one line. */
function nameOf(name: string): string {
  const [common] = /^CN=.*$/m.exec(name) ?? []
  return printable(common ?? name.replaceAll('\n', ' ')) || 'nobody'
}

function certificateNameOf({ subjectAltName = '' }: X509Certificate): string | undefined {
  return /(?:^|, )DNS:([A-Za-z0-9._-]+)(?:,|$)/.exec(subjectAltName)?.[1]
}
