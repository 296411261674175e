import { X509Certificate } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { type Credential, issueCertificate, makeAuthority } from './certificate.ts'
import { isUsableAuthority, isUsableServer } from './judgement.ts'
import { LabFiles, PUBLIC, SECRET } from './lab-files.ts'
import { holding } from './lock.ts'
import { assertHostName, withoutRepeats } from './names.ts'
import { isSecret, randomSecret, tokenDigest } from './secrets.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR

const SERVERS = ['gateway', 'proxy', 'sta', 'storefront'] as const
const ROLES = [...SERVERS, 'vda', 'workspace'] as const

type Server = (typeof SERVERS)[number]
export type Role = (typeof ROLES)[number]

export interface LabOptions {
  /**
   * More names by which a role is reached: DNS names (`*.` in front allowed) and IP addresses. Roles
   * without a certificate, `vda` and `workspace`, need none.
   */
  readonly names?: Partial<Record<Role, readonly string[]>>
  /** How long a new certificate is valid; 397. With 7 or less each run makes them all again. */
  readonly days?: number
  /** The present, by which validity is judged and dated. */
  readonly now?: Date
}

type Wanted = Required<LabOptions>

/** What a run did, as paths below `folder` with `/` between their parts. */
export interface LabCertificates {
  readonly folder: string
  readonly made: readonly string[]
  readonly kept: readonly string[]
}

/**
 * Lays out keys, certificates and tokens for every part of the lab; certs/README.md lists them.
 *
 * What is there and good stays: a certificate that is valid now and for seven more days, signed by
 * the authority that lies there, with its own key beside it and all names asked for. Everything else
 * is made again, and a new authority makes all certificates anew. No certificate outlives its
 * authority. Several calls at a time wait for each other.
 *
 * @param folder made if missing; readable by nobody else then
 * @throws RangeError for a name no host can have or for days that are not above 0; Error where the
 *   folder cannot be locked, read or written
 */
export function makeLabCertificates(folder: string, options: LabOptions = {}): LabCertificates {
  const { names = {}, days = 397, now = new Date() } = options
  for (const name of Object.values(names).flat()) assertHostName(name)
  if (!(days > 0)) throw new RangeError(`certificates are valid for more than 0 days, not ${days}`)

  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return holding(folder, () => {
    const files = new LabFiles(folder)
    for (const subfolder of ['ca', ...ROLES]) files.folder(subfolder)

    const authority = settleAuthority(files, now)
    for (const server of SERVERS) {
      settleServer(files, server, authority, { names, days, now })
      settle(files, `${server}/ca.crt`, authority.cert, PUBLIC)
    }
    settle(files, 'workspace/ca.crt', authority.cert, PUBLIC)
    settleSecrets(files)
    return { folder, made: files.made, kept: files.kept }
  })
}

function settleAuthority(files: LabFiles, now: Date): Credential {
  const present = readCredential(files, 'ca/ca')
  if (present !== undefined && isUsableAuthority(present, now)) {
    return keepCredential(files, 'ca/ca', present)
  }
  return makeCredential(files, 'ca/ca', makeAuthority({ notBefore: anHourBefore(now) }))
}

function settleServer(files: LabFiles, server: Server, authority: Credential, want: Wanted): void {
  const { days, now } = want
  const names = withoutRepeats([
    server,
    'localhost',
    '127.0.0.1',
    '::1',
    ...(want.names[server] ?? []),
  ])
  const present = readCredential(files, `${server}/tls`)
  if (present !== undefined && isUsableServer(present, { authority, names, now })) {
    keepCredential(files, `${server}/tls`, present)
    return
  }
  const notBefore = anHourBefore(now)
  const end = new X509Certificate(authority.cert).validToDate
  const notAfter = new Date(Math.min(notBefore.getTime() + days * DAY, end.getTime()))
  const made = issueCertificate({
    issuer: authority,
    commonName: server,
    names,
    notBefore,
    notAfter,
  })
  makeCredential(files, `${server}/tls`, made)
}

function settleSecrets(files: LabFiles): void {
  const token = secretIn(files, 'workspace/token') ?? randomSecret()
  settle(files, 'workspace/token', token, SECRET)
  settle(files, 'storefront/token.sha256', tokenDigest(token), SECRET)

  // The STA is the one that checks this key, so where the two differ its copy is right.
  const serviceKey =
    secretIn(files, 'sta/service.key') ??
    secretIn(files, 'storefront/service.key') ??
    randomSecret()
  settle(files, 'sta/service.key', serviceKey, SECRET)
  settle(files, 'storefront/service.key', serviceKey, SECRET)

  settle(files, 'proxy/grant.key', secretIn(files, 'proxy/grant.key') ?? randomSecret(), SECRET)
}

function secretIn(files: LabFiles, name: string): string | undefined {
  const text = files.read(name)
  return text !== undefined && isSecret(text) ? text : undefined
}

/** Sees to it that the file says this. */
function settle(files: LabFiles, name: string, text: string, mode: number): void {
  if (files.read(name) === text.trimEnd()) files.keep(name, mode)
  else files.make(name, text, mode)
}

function readCredential(files: LabFiles, name: string): Credential | undefined {
  const key = files.read(`${name}.key`)
  const cert = files.read(`${name}.crt`)
  return key === undefined || cert === undefined ? undefined : { key, cert }
}

function keepCredential(files: LabFiles, name: string, credential: Credential): Credential {
  files.keep(`${name}.key`, SECRET)
  files.keep(`${name}.crt`, PUBLIC)
  return credential
}

function makeCredential(files: LabFiles, name: string, credential: Credential): Credential {
  files.make(`${name}.key`, credential.key, SECRET)
  files.make(`${name}.crt`, credential.cert, PUBLIC)
  return credential
}

function anHourBefore(now: Date): Date {
  return new Date(now.getTime() - HOUR)
}
