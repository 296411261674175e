import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Served, serve } from './foreign.ts'
import { temporaryFolder } from './house.ts'

/** Debian's SOCKS server on loopback, which carries CONNECTs to these networks and no further. It ends with the test. */
export async function startDanted(
  test: Test,
  to: readonly string[] = ['127.0.0.0/8'],
): Promise<Served> {
  const folder = temporaryFolder()
  const config = join(folder, 'danted.conf')
  const describe = (port: number): string[] => {
    writeFileSync(config, configuration(port, to))
    return ['-f', config, '-p', join(folder, 'danted.pid'), '-N', '1']
  }
  return await serve(test, 'danted', describe, /Dante\/server.* running/, { leads: true })
}

function configuration(port: number, to: readonly string[]): string {
  const { username } = userInfo()
  return `
logoutput: stderr
internal: 127.0.0.1 port = ${port}
external: 127.0.0.1
user.privileged: ${username}
user.unprivileged: ${username}
clientmethod: none
socksmethod: none
client pass {
  from: 127.0.0.0/8 to: 0.0.0.0/0
}
${to.map((network) => `socks pass {\n  from: 127.0.0.0/8 to: ${network}\n  command: connect\n}`).join('\n')}
`
}
