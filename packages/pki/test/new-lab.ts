import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type LabCertificates, type LabOptions, makeLabCertificates } from '../src/lab.ts'

export const SERVERS = ['gateway', 'proxy', 'sta', 'storefront'] as const

/** What a lab consists of. */
export const EVERYTHING: readonly string[] = [
  'ca/ca.crt',
  'ca/ca.key',
  'gateway/ca.crt',
  'gateway/tls.crt',
  'gateway/tls.key',
  'proxy/ca.crt',
  'proxy/grant.key',
  'proxy/tls.crt',
  'proxy/tls.key',
  'sta/ca.crt',
  'sta/service.key',
  'sta/tls.crt',
  'sta/tls.key',
  'storefront/ca.crt',
  'storefront/service.key',
  'storefront/tls.crt',
  'storefront/tls.key',
  'storefront/token.sha256',
  'workspace/ca.crt',
  'workspace/token',
]
export const EVERY_CERTIFICATE = EVERYTHING.filter((name) => /(ca|tls)\.(crt|key)$/.test(name))

/** A folder for a lab, in which nothing lies yet. */
export class Lab {
  readonly folder: string

  constructor(t: Test) {
    this.folder = join(t.testdir(), 'certs')
  }

  /** Runs once more, and tells what was made and kept in the order of the alphabet. */
  make(options: LabOptions = {}): LabCertificates {
    const { folder, made, kept } = makeLabCertificates(this.folder, options)
    return { folder, made: [...made].sort(), kept: [...kept].sort() }
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  certificate(name: string): X509Certificate {
    return new X509Certificate(this.read(name))
  }

  /** The text of every file. */
  snapshot(): Map<string, string> {
    return new Map(EVERYTHING.map((name) => [name, this.read(name)]))
  }
}
