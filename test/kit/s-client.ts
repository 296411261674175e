import { join } from 'node:path'
import type { Test } from 'tap'
import { type Program, start } from './foreign.ts'
import type { House } from './house.ts'

/** How `openssl s_client` shows itself. */
export interface SClientOptions {
  /** a folder with tls.crt and tls.key, `certs/<role>` or an absolute one; left out, it shows no certificate */
  readonly as?: string
  /** the only version of TLS that it speaks */
  readonly tls?: '1.1' | '1.2' | '1.3'
  readonly more?: readonly string[]
}

/**
 * A TLS connection made by OpenSSL, which carries whatever it is told to say. It checks the certificate of its peer as
 * 127.0.0.1 against the lab's CA.
 */
export function sClient(
  test: Test,
  house: House,
  to: string,
  { as, tls, more = [] }: SClientOptions = {},
): Program {
  const folder = as?.startsWith('/') ? as : join(house.folder, 'certs', as ?? '')
  return start(test, 'openssl', [
    's_client',
    ...['-quiet', '-connect', to],
    ...[
      '-CAfile',
      join(house.folder, 'certs/ca/ca.crt'),
      '-verify_return_error',
      '-verify_ip',
      '127.0.0.1',
    ],
    ...(as === undefined
      ? []
      : ['-cert', join(folder, 'tls.crt'), '-key', join(folder, 'tls.key')]),
    ...(tls === undefined ? [] : [`-tls${tls.replace('.', '_')}`]),
    ...more,
  ])
}
