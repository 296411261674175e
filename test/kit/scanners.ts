/** What scanners of other houses say about a TLS port. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { run, start } from './foreign.ts'
import { temporaryFolder } from './house.ts'
import { toolPath } from './tools.ts'

/** PEM files that a scanner shows as its own. */
export interface ShownFiles {
  readonly certificate: string
  readonly key: string
}

/** A finding of testssl.sh. */
export interface Finding {
  readonly id: string
  readonly severity: string
  readonly finding: string
}

/** Severities that ask for no explanation. */
const HARMLESS = new Set(['OK', 'INFO', 'LOW', 'DEBUG'])

/** How often a scan is begun anew whose own connections did not all come about: on a busy machine it gives up soon. */
const TRIES = 3

/**
 * Runs testssl.sh to its end, again if it says itself that it could not connect.
 *
 * @param checks its options; with none it checks everything
 * @param show a client certificate; this version has no option for one, so its OpenSSL is given it
 */
export async function testssl(
  test: Test,
  address: string,
  checks: readonly string[],
  shown: { readonly ca: string; readonly show?: ShownFiles },
): Promise<Finding[]> {
  let findings: Finding[] = []
  for (let tries = 0; tries < TRIES; tries++) {
    findings = await testsslOnce(test, address, checks, shown)
    if (!findings.some(({ finding }) => /because of connect problem/.test(finding))) break
  }
  return findings
}

async function testsslOnce(
  test: Test,
  address: string,
  checks: readonly string[],
  { ca, show }: { readonly ca: string; readonly show?: ShownFiles },
): Promise<Finding[]> {
  const folder = temporaryFolder()
  const found = join(folder, 'found.json')
  const fixed = ['--quiet', '--color', '0', '--warnings', 'off', '--nodns', 'none']
  const openssl = show === undefined ? [] : ['--openssl', showing(folder, show)]
  const program = start(test, 'testssl', [
    ...[...fixed, ...openssl, '--add-ca', ca, '--jsonfile', found, ...checks, address],
  ])
  program.hush()
  const { stdout } = await program.ended
  const findings = JSON.parse(readFileSync(found, 'utf8')) as Finding[]
  // Its exit code counts findings; that it came to its end stands in the last of them.
  const end = findings.find(({ id }) => id === 'scanTime')
  if (end?.severity !== 'INFO') throw new Error(`testssl broke off:\n${stdout}`)
  return findings
}

/** What is worse than LOW, and not among the ids that a test explains. */
export function unexplained(
  findings: readonly Finding[],
  explained: Readonly<Record<string, string>>,
): Finding[] {
  return findings.filter(({ id, severity }) => !HARMLESS.has(severity) && !(id in explained))
}

/** OpenSSL's command that shows a client certificate wherever it connects. */
function showing(folder: string, { certificate, key }: ShownFiles): string {
  const file = join(folder, 'openssl')
  const openssl = toolPath('openssl')
  const script = `#!/bin/sh
if [ "$1" = s_client ]; then
  shift
  exec ${openssl} s_client -cert '${certificate}' -key '${key}' "$@"
fi
exec ${openssl} "$@"
`
  writeFileSync(file, script)
  chmodSync(file, 0o700)
  return file
}

/** What sslscan saw. */
export interface Offered {
  /** `TLSv1.3` and the like */
  readonly protocols: readonly string[]
  /** `TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256` and the like */
  readonly ciphers: readonly string[]
  /** `TLSv1.3 x25519` and the like */
  readonly groups: readonly string[]
  /** renegotiation, compression, Heartbleed: what should not be there */
  readonly weaknesses: readonly string[]
}

/** Runs sslscan. */
export async function sslscan(test: Test, address: string, show?: ShownFiles): Promise<Offered> {
  const shown = show === undefined ? [] : [`--certs=${show.certificate}`, `--pk=${show.key}`]
  const { stdout, stderr } = await run(test, 'sslscan', ['--xml=-', ...shown, address])
  const elements = elementsOf(String(stdout))
  if (elements.length === 0) throw new Error(`sslscan said ${stdout} ${stderr}`)
  const all = (name: string) => elements.filter(({ element }) => element === name)
  return {
    protocols: all('protocol')
      .filter(({ enabled }) => enabled === '1')
      .map(({ type, version }) => `${type === 'tls' ? 'TLSv' : 'SSLv'}${version}`),
    ciphers: all('cipher').map(({ sslversion, cipher }) => `${sslversion} ${cipher}`),
    groups: all('group').map(({ sslversion, name }) => `${sslversion} ${name}`),
    weaknesses: [
      ...all('renegotiation').filter(({ supported }) => supported !== '0'),
      ...all('compression').filter(({ supported }) => supported !== '0'),
      ...all('heartbleed').filter(({ vulnerable }) => vulnerable !== '0'),
    ].map(({ element }) => element ?? ''),
  }
}

/** The elements of an XML document that have attributes, each with these and its name as `element`. */
function elementsOf(xml: string): Record<string, string | undefined>[] {
  return [...xml.matchAll(/<([a-z-]+)((?: [A-Za-z]+="[^"]*")+) *\/?>/g)].map(
    ([, element, attributes = '']) => ({
      element,
      ...Object.fromEntries(
        [...attributes.matchAll(/([A-Za-z]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
    }),
  )
}
