import { constants, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls'
import { fault } from '@doublehop/errors/fault'

/** PEM files of one end. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
  /** whom to trust; left out, nobody is asked for a certificate (server) or the public CAs are trusted (client) */
  readonly ca?: string | undefined
  /** revocation lists of every CA in `ca`; left out, nobody is asked whether a certificate was revoked */
  readonly crl?: string | undefined
}

/**
 * TLS 1.2 with forward secrecy and AEAD only, and TLS 1.3. Of the groups that OpenSSL would offer, those are left out
 * that cost a server most while it knows nothing of its client (P-521, finite fields), or hold below 128 bits.
 */
const MODERN: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
  ecdhCurve: 'X25519MLKEM768:X25519:P-256:P-384',
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
}

/** Reads the files and checks that they belong together. @throws Fault DH_CERTIFICATE */
export function secureContextOptions(files: CertificateFiles): SecureContextOptions {
  const options: SecureContextOptions = {
    ...MODERN,
    cert: read(files.certificate),
    key: read(files.key),
    ...(files.ca !== undefined && { ca: trusted(files.ca) }),
    ...(files.crl !== undefined && { crl: revocationLists(files.crl) }),
  }
  try {
    createSecureContext(options)
  } catch (error) {
    throw fault(
      'DH_CERTIFICATE',
      { file: Object.values(files).join(', '), why: (error as Error).message },
      error,
    )
  }
  return options
}

/** One context for all dialled legs of a daemon: building one a dial would cost half of the handshake. */
export function dialContext(
  files: CertificateFiles | { readonly ca: string | undefined },
): SecureContext {
  if ('certificate' in files) return createSecureContext(secureContextOptions(files))
  return createSecureContext({
    ...MODERN,
    ...(files.ca !== undefined && { ca: trusted(files.ca) }),
  })
}

/**
 * Options that make tls.connect check this name or address, whatever the environment says
 * (NODE_TLS_REJECT_UNAUTHORIZED), and send SNI for a name only (RFC 6066, 3).
 */
export function nameToVerify(serverName: string): ConnectionOptions {
  const who = isIP(serverName) === 0 ? { servername: serverName } : { host: serverName }
  return { ...who, rejectUnauthorized: true }
}

/**
 * The first DNS name of the peer's certificate: how daemons know each other. Undefined when it showed none that
 * was verified.
 */
export function certificateName(socket: TLSSocket): string | undefined {
  if (!socket.authorized) return
  const names = socket.getPeerX509Certificate()?.subjectAltName ?? ''
  const [, name] = /(?:^|, )DNS:([A-Za-z0-9._-]+)(?:,|$)/.exec(names) ?? []
  return name?.toLowerCase()
}

/** Why the certificate that the peer showed is not taken, such as `CERT_REVOKED`; undefined when it is. */
export function distrustOf(socket: TLSSocket): string | undefined {
  // Node gives the code itself, whatever its types say.
  const why: unknown = socket.authorizationError
  return typeof why === 'string' ? why : undefined
}

/**
 * The TCP socket under an accepted TLS socket. Node keeps it in a field it does not document; only the raw socket can
 * send an RST, and tls.Server offers no other way from one to the other. A test holds this against the running Node.
 */
export function rawSocketUnder(socket: TLSSocket): Socket {
  return (socket as TLSSocket & { readonly _parent: Socket })._parent
}

/** Node reads a file of CAs up to the first that is broken, and then trusts fewer, or nobody, without a word. */
function trusted(file: string): string[] {
  const certificates = pemBlocks(file, 'CERTIFICATE')
  if (certificates.length === 0)
    throw fault('DH_CERTIFICATE', { file, why: 'it holds no certificate in PEM' })
  for (const one of certificates) checkCertificate(file, one)
  return certificates
}

function checkCertificate(file: string, pem: string): void {
  try {
    new X509Certificate(pem)
  } catch (error) {
    throw fault('DH_CERTIFICATE', { file, why: (error as Error).message }, error)
  }
}

/** Node takes one list at a time, and a file may hold one for each CA. */
function revocationLists(file: string): string[] {
  const lists = pemBlocks(file, 'X509 CRL')
  if (lists.length > 0) return lists
  throw fault('DH_CERTIFICATE', { file, why: 'it holds no revocation list in PEM' })
}

function pemBlocks(file: string, label: 'CERTIFICATE' | 'X509 CRL'): string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')
  return read(file).toString('latin1').match(block) ?? []
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw fault(
      'DH_CERTIFICATE',
      { file, why: (error as NodeJS.ErrnoException).code ?? 'unreadable' },
      error,
    )
  }
}
