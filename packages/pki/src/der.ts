import forge from 'node-forge'

const { asn1 } = forge
const { Class, Type } = asn1

/** A value of ASN.1, as node-forge holds it. */
export type Asn1 = forge.asn1.Asn1

/** Reads DER; node-forge keeps bytes as characters, so they pass through latin1 on both ways. */
export function fromDer(der: Buffer): Asn1 {
  return asn1.fromDer(der.toString('latin1'))
}

export function toDer(value: Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), 'latin1')
}

export function sequence(...values: Asn1[]): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, values)
}

/** The value with the number of its field around it, `[n] EXPLICIT`. */
export function explicit(field: number, value: Asn1): Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, field as forge.asn1.Type, true, [value])
}

/** Bytes under the number of their field, `[n] IMPLICIT OCTET STRING`. */
export function implicit(field: number, bytes: Buffer): Asn1 {
  const type = field as forge.asn1.Type
  return asn1.create(Class.CONTEXT_SPECIFIC, type, false, bytes.toString('latin1'))
}

/** @param bytes two's complement, big-endian, as short as it can be */
export function integer(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.INTEGER, false, bytes.toString('latin1'))
}

export function objectIdentifier(dotted: string): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(dotted).getBytes())
}

export function octetString(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.OCTETSTRING, false, bytes.toString('latin1'))
}

/** A bit string of whole bytes, so none of its bits is unused. */
export function bitString(bytes: Buffer): Asn1 {
  return asn1.create(Class.UNIVERSAL, Type.BITSTRING, false, `\0${bytes.toString('latin1')}`)
}

/**
 * UTCTime through 2049 and GeneralizedTime after it (RFC 5280 section 4.1.2.5), in whole seconds.
 * @throws RangeError outside the years 1950 to 9999
 */
export function time(date: Date): Asn1 {
  const year = date.getUTCFullYear()
  if (!(year >= 1950 && year <= 9999)) {
    throw new RangeError(`the dates of a certificate are from 1950 to 9999, not ${String(date)}`)
  }
  return year < 2050
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date))
}

/** What a constructed value is made of; nothing for any other. */
export function parts(value: Asn1 | undefined): Asn1[] {
  return Array.isArray(value?.value) ? value.value : []
}
