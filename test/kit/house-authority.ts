import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Credential, issueCertificate } from '@doublehop/pki/certificate'
import { makeRevocationList, type RevocationOptions } from '@doublehop/pki/revocation'
import type { House, Kind } from './house.ts'

type Role = Exclude<Kind, 'vda'>

/** The CA of a house in a test's hands: it renews the certificates of the daemons, and revokes them. */
export class HouseAuthority {
  readonly #folder: string
  readonly issuer: Credential

  constructor({ folder }: House) {
    this.#folder = join(folder, 'certs')
    this.issuer = { cert: this.#read('ca/ca.crt'), key: this.#read('ca/ca.key') }
  }

  /** Puts a new certificate, with its key, in the place of a daemon's own. @returns it, PEM */
  renew(role: Role, more: Partial<Parameters<typeof issueCertificate>[0]> = {}): string {
    const names = [role, 'localhost', '127.0.0.1', '::1']
    const { cert, key } = issueCertificate({
      issuer: this.issuer,
      commonName: role,
      names,
      ...more,
    })
    writeFileSync(join(this.#folder, role, 'tls.key'), key)
    writeFileSync(join(this.#folder, role, 'tls.crt'), cert)
    return cert
  }

  /** The certificate that a daemon shows, PEM. */
  certificateOf(role: Role): string {
    return this.#read(`${role}/tls.crt`)
  }

  /** Writes a list that revokes what these daemons show now. @returns its path as settings name it */
  revoke(roles: readonly Role[], more: Partial<RevocationOptions> = {}): string {
    const revoked = roles.map((role) => this.certificateOf(role))
    return this.write('revoked.pem', makeRevocationList({ issuer: this.issuer, revoked, ...more }))
  }

  /** Writes a file beside the certificates. @returns its path as settings name it */
  write(name: string, text: string): string {
    writeFileSync(join(this.#folder, name), text)
    return `certs/${name}`
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder, file), 'utf8')
  }
}
