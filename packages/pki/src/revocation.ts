import { createPrivateKey, sign, X509Certificate } from 'node:crypto'
import type { Credential } from './certificate.ts'
import * as der from './der.ts'
import { signatureAlgorithm, subjectOf } from './x509.ts'

const DAY = 24 * 3_600_000

export interface RevocationOptions {
  /** Who signs: the authority that issued the certificates. */
  readonly issuer: Credential
  /** The certificates that are good no more, PEM. */
  readonly revoked: readonly string[]
  /** Default: now. */
  readonly thisUpdate?: Date
  /** From when on the list is too old to be believed. Default: 30 days after `thisUpdate`. */
  readonly nextUpdate?: Date
}

/**
 * Makes a list of revoked certificates (CertificateList, RFC 5280 section 5.1), version 2, without reasons.
 * @returns the list as PEM
 * @throws RangeError for a date no list can hold
 */
export function makeRevocationList(options: RevocationOptions): string {
  const { issuer, revoked, thisUpdate = new Date() } = options
  const { nextUpdate = new Date(thisUpdate.getTime() + 30 * DAY) } = options
  const authority = subjectOf(new X509Certificate(issuer.cert))
  const entries = revoked.map((cert) => der.sequence(serialOf(cert), der.time(thisUpdate)))
  const toBeSigned = der.sequence(
    der.integer(Buffer.of(1)), // version 2
    signatureAlgorithm(),
    authority.name,
    der.time(thisUpdate),
    der.time(nextUpdate),
    // A list of none is left out (RFC 5280 section 5.1.2.6).
    ...(entries.length > 0 ? [der.sequence(...entries)] : []),
    der.explicit(0, der.sequence(...extensionsOf(authority.keyIdentifier, thisUpdate))),
  )
  const key = createPrivateKey(issuer.key)
  const signature = sign('sha256', der.toDer(toBeSigned), { key, dsaEncoding: 'der' })
  return pem(der.sequence(toBeSigned, signatureAlgorithm(), der.bitString(signature)))
}

function serialOf(cert: string): der.Asn1 {
  const [toBeSigned] = der.parts(der.fromDer(new X509Certificate(cert).raw))
  const [, serial] = der.parts(toBeSigned)
  if (serial === undefined) throw new TypeError('the certificate has no serial number')
  return serial
}

/** Both must be there in a list of version 2 (RFC 5280 section 5.2). */
function extensionsOf(authority: Buffer | undefined, thisUpdate: Date): der.Asn1[] {
  // Bytes of a number that grows, with a first one that keeps it positive.
  const number = Buffer.alloc(8)
  number.writeBigInt64BE((1n << 62n) | BigInt(thisUpdate.getTime()))
  const cRLNumber = extension('2.5.29.20', der.integer(number))
  if (authority === undefined) return [cRLNumber]
  return [extension('2.5.29.35', der.sequence(der.implicit(0, authority))), cRLNumber]
}

function extension(identifier: string, value: der.Asn1): der.Asn1 {
  return der.sequence(der.objectIdentifier(identifier), der.octetString(der.toDer(value)))
}

function pem(list: der.Asn1): string {
  const lines =
    der
      .toDer(list)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n')
}
