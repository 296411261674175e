import { createHash, type KeyObject } from 'node:crypto'
import forge from 'node-forge'
import { type Asn1, octetString } from './der.ts'
import { generalName } from './names.ts'

const { pki } = forge

// Functions node-forge has and its declarations lack.
declare module 'node-forge' {
  namespace pki {
    function certificateExtensionsToAsn1(extensions: readonly unknown[]): asn1.Asn1
    function certificateExtensionsFromAsn1(
      extensions: asn1.Asn1,
    ): { name?: string; subjectKeyIdentifier?: string }[]
  }
}

/** An extension as node-forge describes it: its name, whether it is critical, its fields. */
export interface Extension {
  readonly name: string
  readonly critical?: boolean
  readonly [field: string]: unknown
}

/** The extensions as the field of a certificate that holds them. */
export function encodeExtensions(extensions: readonly Extension[]): Asn1 {
  // node-forge works the values out only for a certificate of its own.
  const carrier = pki.createCertificate()
  carrier.setExtensions(extensions.map((extension) => ({ ...extension })))
  return pki.certificateExtensionsToAsn1(carrier.extensions)
}

/**
 * The subjectKeyIdentifier among a certificate's extensions.
 * @param field the field that `encodeExtensions` makes
 */
export function findKeyIdentifier(field: Asn1): Buffer | undefined {
  const hex = pki
    .certificateExtensionsFromAsn1(field)
    .find(({ name }) => name === 'subjectKeyIdentifier')?.subjectKeyIdentifier
  return hex === undefined ? undefined : Buffer.from(hex, 'hex')
}

/**
 * The key identifier of an EC public key: the left 160 bits of the SHA-256 of its point (RFC 7093
 * section 2, method 1).
 * @returns 20 bytes
 */
export function keyIdentifier(publicKey: KeyObject): Buffer {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  const hash = createHash('sha256').update(Buffer.of(4)).update(x, 'base64url')
  return hash.update(y, 'base64url').digest().subarray(0, 20)
}

export function subjectKeyIdentifier(identifier: Buffer): Extension {
  return { name: 'subjectKeyIdentifier', value: octetString(identifier) }
}

export function authorityKeyIdentifier(identifier: Buffer): Extension {
  return { name: 'authorityKeyIdentifier', keyIdentifier: identifier.toString('latin1') }
}

/** These names in this order, DNS names and IP addresses told apart. */
export function subjectAltName(names: readonly string[]): Extension {
  return { name: 'subjectAltName', altNames: names.map(generalName) }
}
