import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The file, in the folder of the suite's output, that lists what must stand nowhere else in there. */
export const SECRETS_FILE = 'secrets.txt'

const SECRETS = ['sta/service.key', 'proxy/grant.key', 'workspace/token']

/** Writes down the secrets of a lab's certificates folder, so that a last test can look for them in all output. */
export function noteSecrets(certs: string): void {
  const output = process.env.DOUBLEHOP_TEST_OUTPUT
  if (output === undefined) return
  const secrets = SECRETS.map((name) => readFileSync(join(certs, name), 'utf8').trim())
  appendFileSync(join(output, SECRETS_FILE), `${secrets.join('\n')}\n`)
}
