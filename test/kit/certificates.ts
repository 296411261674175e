import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecureVersion } from 'node:tls'
import { type Credential, issueCertificate, makeAuthority } from '@doublehop/pki/certificate'
import { temporaryFolder } from './house.ts'

/** How bytes travel: bare, or by one version of TLS. */
export type Wire = 'plain TCP' | SecureVersion

/** What a test goes through where the version may matter. */
export const WIRES = ['plain TCP', 'TLSv1.2', 'TLSv1.3'] as const satisfies Wire[]

/** Key, certificate and authority as node:tls takes them. */
export interface Shown extends Credential {
  readonly ca: string
}

/** An authority of a test's own, for certificates as odd as it needs them. */
export class TestAuthority {
  readonly #authority = makeAuthority({ commonName: 'test CA' })

  get ca(): string {
    return this.#authority.cert
  }

  /** A certificate with these names, good for both ends unless told otherwise. */
  issue(
    names: readonly string[],
    more: Partial<Parameters<typeof issueCertificate>[0]> = {},
  ): Shown {
    const [commonName = 'test'] = names
    const issued = issueCertificate({ issuer: this.#authority, commonName, names, ...more })
    return { ...issued, ca: this.ca }
  }
}

/** The same in files, as settings name them. */
export function inFiles({ cert, key, ca }: Shown): {
  certificate: string
  key: string
  ca: string
} {
  const folder = temporaryFolder()
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  return {
    certificate: write('tls.crt', cert),
    key: write('tls.key', key),
    ca: write('ca.crt', ca),
  }
}
