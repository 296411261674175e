import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** For the `skip` of a test that needs the openssl command: the reason, or false if it is there. */
export const withoutOpenssl: string | false =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

/** What `openssl verify` says about a certificate (PEM) for one purpose: `OK` or its complaints. */
export function opensslVerify(
  cert: string,
  authority: string,
  purpose: 'sslserver' | 'sslclient',
): string {
  const folder = mkdtempSync(join(tmpdir(), 'doublehop-pki-'))
  try {
    writeFileSync(join(folder, 'leaf.crt'), cert)
    writeFileSync(join(folder, 'ca.crt'), authority)
    const strictly = ['verify', '-x509_strict', '-check_ss_sig', '-purpose', purpose]
    const files = ['-no-CApath', '-no-CAstore', '-CAfile', 'ca.crt', 'leaf.crt']
    const run = spawnSync('openssl', [...strictly, ...files], { cwd: folder, encoding: 'utf8' })
    if (run.status === 0) return run.stdout.replace('leaf.crt: ', '').trim()
    return run.stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** A certificate (PEM) as `openssl x509 -text` shows it, with single spaces. */
export function opensslText(cert: string): string {
  const run = spawnSync('openssl', ['x509', '-noout', '-text'], { input: cert, encoding: 'utf8' })
  return run.stdout.replace(/\s+/g, ' ')
}
