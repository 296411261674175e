import { createPrivateKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import * as extension from './extensions.ts'
import { distinguishedName, signCertificate, subjectOf } from './x509.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

/** A private key and the certificate of its public half, under the names `node:tls` gives them. */
export interface Credential {
  /** PKCS #8, PEM */
  readonly key: string
  /** PEM */
  readonly cert: string
}

/** From when and for how long a certificate is valid. */
export interface Validity {
  /** Default: an hour ago, for clocks that are behind. */
  readonly notBefore?: Date
  /** Counted from `notBefore`, above 0, fractions allowed. */
  readonly days?: number
}

export interface AuthorityOptions extends Validity {
  /** Default: `doublehop lab CA`. */
  readonly commonName?: string
}

export interface CertificateOptions extends Validity {
  /** Who signs: an authority, or (for a chain that must not verify) anybody else. */
  readonly issuer: Credential
  readonly commonName: string
  /** subjectAltName in this order, DNS names and IP addresses. Default: the common name alone. */
  readonly names?: readonly string[]
  /** extKeyUsage; an empty list leaves it out. Default: both. */
  readonly usages?: readonly ('serverAuth' | 'clientAuth')[]
  /** Instead of `days`: the last second of validity. */
  readonly notAfter?: Date
}

/**
 * Makes a P-256 key and a self-signed certificate that may sign end-entity certificates and
 * revocation lists, and no further authority. Valid for ten years unless told otherwise.
 * @throws RangeError for an impossible name or validity
 */
export function makeAuthority(options: AuthorityOptions = {}): Credential {
  const { commonName = 'doublehop lab CA', days = 3652 } = options
  const { publicKey, privateKey } = newKeyPair()
  const identifier = extension.keyIdentifier(publicKey)
  const name = distinguishedName(commonName)
  const cert = signCertificate(
    {
      issuer: name,
      subject: name,
      ...validity({ ...options, days }),
      publicKey,
      extensions: [
        { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
        { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
        extension.subjectKeyIdentifier(identifier),
        extension.authorityKeyIdentifier(identifier),
      ],
    },
    privateKey,
  )
  return { key: pem(privateKey), cert }
}

/**
 * Makes a P-256 key and an end-entity certificate for it (RFC 5280), valid for 397 days unless told
 * otherwise. It does what it is told, so that tests can have certificates that must be refused:
 * expired, of another authority, with a foreign name, outliving their issuer.
 * @throws RangeError for an impossible name or validity, TypeError for an issuer whose key is not EC
 */
export function issueCertificate(options: CertificateOptions): Credential {
  const {
    issuer,
    commonName,
    names = [commonName],
    usages = ['serverAuth', 'clientAuth'],
  } = options
  const subject = distinguishedName(commonName)
  const { publicKey, privateKey } = newKeyPair()
  const authority = subjectOf(new X509Certificate(issuer.cert))
  const extensions: extension.Extension[] = [
    { name: 'basicConstraints', critical: true },
    { name: 'keyUsage', critical: true, digitalSignature: true },
    extension.subjectKeyIdentifier(extension.keyIdentifier(publicKey)),
  ]
  if (authority.keyIdentifier !== undefined) {
    extensions.push(extension.authorityKeyIdentifier(authority.keyIdentifier))
  }
  if (usages.length > 0) {
    const purposes = Object.fromEntries(usages.map((usage) => [usage, true]))
    extensions.push({ name: 'extKeyUsage', ...purposes })
  }
  if (names.length > 0) extensions.push(extension.subjectAltName(names))
  const cert = signCertificate(
    {
      issuer: authority.name,
      subject,
      ...validity(options),
      publicKey,
      extensions,
    },
    createPrivateKey(issuer.key),
  )
  return { key: pem(privateKey), cert }
}

function validity(options: Validity & { notAfter?: Date }): { notBefore: Date; notAfter: Date } {
  const { notBefore = new Date(Date.now() - HOUR), days = 397 } = options
  const { notAfter = new Date(notBefore.getTime() + days * DAY) } = options
  if (!(notAfter > notBefore)) {
    throw new RangeError('a certificate ends after it begins')
  }
  return { notBefore, notAfter }
}

function newKeyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function pem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
