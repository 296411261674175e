import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Credential } from './certificate.ts'

const WEEK = 7 * 24 * 3_600_000

/** Whether this is an authority that can still sign: valid for a week, and its key at hand. */
export function isUsableAuthority(credential: Credential, now: Date): boolean {
  const certificate = parsed(credential)
  return certificate?.ca === true && isLasting(certificate, now)
}

/**
 * Whether a server can go on with what it has: its own key, a week of validity, the signature of
 * this authority, and every name, of which the first must be the first.
 */
export function isUsableServer(
  credential: Credential,
  needs: { authority: Credential; names: readonly string[]; now: Date },
): boolean {
  const certificate = parsed(credential)
  if (certificate === undefined || !isLasting(certificate, needs.now)) return false
  const authority = new X509Certificate(needs.authority.cert)
  return (
    certificate.checkIssued(authority) &&
    certificate.verify(authority.publicKey) &&
    certificate.subjectAltName?.split(', ')[0] === `DNS:${needs.names[0]}` &&
    needs.names.every((name) => carries(certificate, name))
  )
}

/** The certificate, if it is one and the key is its own; a damaged file is as good as none. */
function parsed({ key, cert }: Credential): X509Certificate | undefined {
  try {
    const certificate = new X509Certificate(cert)
    return certificate.checkPrivateKey(createPrivateKey(key)) ? certificate : undefined
  } catch {
    return undefined
  }
}

function isLasting({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate <= now && validToDate.getTime() - now.getTime() >= WEEK
}

function carries(certificate: X509Certificate, name: string): boolean {
  if (isIP(name) !== 0) return certificate.checkIP(name) !== undefined
  // Literally: a wildcard is covered by the same wildcard, a name not by any wildcard.
  return certificate.checkHost(name, { subject: 'never', wildcards: false }) !== undefined
}
