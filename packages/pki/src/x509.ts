import { type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto'
import forge from 'node-forge'
import * as der from './der.ts'
import { type Extension, encodeExtensions, findKeyIdentifier } from './extensions.ts'

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'

/** Whom a certificate is about. */
export interface Subject {
  readonly name: der.Asn1
  /** subjectKeyIdentifier, where the certificate has one. */
  readonly keyIdentifier: Buffer | undefined
}

/** What a certificate says before anybody has signed it (TBSCertificate, RFC 5280 section 4.1). */
export interface Contents {
  readonly issuer: der.Asn1
  readonly subject: der.Asn1
  readonly notBefore: Date
  readonly notAfter: Date
  readonly publicKey: KeyObject
  readonly extensions: readonly Extension[]
}

/**
 * Signs the contents with ecdsa-with-SHA256, under a random serial number of 128 bits.
 * @param signingKey the issuer's private EC key
 * @returns the certificate as PEM
 * @throws TypeError for a key that is not EC, RangeError for a date no certificate can hold
 */
export function signCertificate(contents: Contents, signingKey: KeyObject): string {
  if (signingKey.asymmetricKeyType !== 'ec') {
    throw new TypeError(`an issuer's key is an EC key, not ${signingKey.asymmetricKeyType}`)
  }
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(Buffer.of(2))), // version 3
    der.integer(randomSerial()),
    signatureAlgorithm(),
    contents.issuer,
    der.sequence(der.time(contents.notBefore), der.time(contents.notAfter)),
    contents.subject,
    der.fromDer(contents.publicKey.export({ type: 'spki', format: 'der' })),
    encodeExtensions(contents.extensions),
  )
  const signature = sign('sha256', der.toDer(toBeSigned), { key: signingKey, dsaEncoding: 'der' })
  const certificate = der.sequence(toBeSigned, signatureAlgorithm(), der.bitString(signature))
  return new X509Certificate(der.toDer(certificate)).toString()
}

/**
 * A Name that holds a common name and nothing else.
 * @param commonName 1 to 64 characters (ub-common-name, RFC 5280 appendix A)
 * @throws RangeError outside that
 */
export function distinguishedName(commonName: string): der.Asn1 {
  if (commonName.length < 1 || commonName.length > 64) {
    throw new RangeError(`a common name has 1 to 64 characters, not ${commonName.length}`)
  }
  // The declarations call it a class; it is the type of the string.
  const valueTagClass = forge.asn1.Type.UTF8 as number as forge.asn1.Class
  return forge.pki.distinguishedNameToAsn1({
    attributes: [{ type: COMMON_NAME, value: commonName, valueTagClass }],
  })
}

/**
 * The subject of a certificate. Its Name is taken as it stands there, since an issuer's Name must
 * match byte for byte whatever string type its maker chose.
 * @param certificate a certificate of version 3
 */
export function subjectOf(certificate: X509Certificate): Subject {
  const [toBeSigned] = der.parts(der.fromDer(certificate.raw))
  const [, , , , , name, , ...optional] = der.parts(toBeSigned)
  const extensions = optional.at(-1)
  if (name === undefined || extensions === undefined) {
    throw new TypeError('the certificate has no extensions')
  }
  return { name, keyIdentifier: findKeyIdentifier(extensions) }
}

/** 16 bytes, of which the first keeps the number positive and free of leading zeros. */
function randomSerial(): Buffer {
  const serial = randomBytes(16)
  serial.writeUInt8((serial.readUInt8() & 0x7f) | 0x40)
  return serial
}

/** ecdsa-with-SHA256, without parameters, not even NULL (RFC 5758 section 3.2). */
export function signatureAlgorithm(): der.Asn1 {
  return der.sequence(der.objectIdentifier(ECDSA_WITH_SHA256))
}
