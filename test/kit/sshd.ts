import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Ended, run, serve } from './foreign.ts'
import { temporaryFolder } from './house.ts'

/** sshd gives up its rights in this folder, if it has any to give up. */
const PRIVILEGE_SEPARATION = '/run/sshd'
const HOST_KEY_ALIAS = 'behind-the-double-hop'

/** Debian's sshd for the user who runs the test, with keys of its own, on loopback. It ends with the test. */
export class Sshd {
  readonly port: number
  readonly #folder: string
  readonly #test: Test

  private constructor(test: Test, folder: string, port: number) {
    this.#test = test
    this.#folder = folder
    this.port = port
  }

  static async start(test: Test): Promise<Sshd> {
    if (process.getuid?.() === 0 && !existsSync(PRIVILEGE_SEPARATION))
      mkdirSync(PRIVILEGE_SEPARATION, 0o755)
    const folder = temporaryFolder()
    for (const key of ['host', 'user']) {
      await run(test, 'ssh-keygen', [
        '-q',
        '-t',
        'ed25519',
        '-N',
        '',
        '-C',
        key,
        '-f',
        join(folder, key),
      ])
    }
    const hostKey = readFileSync(join(folder, 'host.pub'), 'utf8')
    writeFileSync(join(folder, 'known_hosts'), `${HOST_KEY_ALIAS} ${hostKey}`)
    const config = join(folder, 'sshd_config')
    const { port } = await serve(
      test,
      'sshd',
      (port) => {
        writeFileSync(config, configuration(folder, port))
        return ['-D', '-e', '-f', config]
      },
      /Server listening on 127\.0\.0\.1/,
    )
    return new Sshd(test, folder, port)
  }

  /** Runs a command through this local port. */
  ssh(port: number, ...command: string[]): Promise<Ended> {
    return run(this.#test, 'ssh', [
      ...this.#options,
      '-p',
      `${port}`,
      `${userInfo().username}@127.0.0.1`,
      ...command,
    ])
  }

  /** Copies a file to this path there, through this local port. */
  scp(port: number, file: string, path: string): Promise<Ended> {
    return run(this.#test, 'scp', [
      ...this.#options,
      '-P',
      `${port}`,
      file,
      `${userInfo().username}@127.0.0.1:${path}`,
    ])
  }

  get #options(): string[] {
    const options = {
      BatchMode: 'yes',
      IdentitiesOnly: 'yes',
      IdentityFile: join(this.#folder, 'user'),
      UserKnownHostsFile: join(this.#folder, 'known_hosts'),
      GlobalKnownHostsFile: '/dev/null',
      HostKeyAlias: HOST_KEY_ALIAS,
      StrictHostKeyChecking: 'yes',
    }
    return [
      '-F',
      '/dev/null',
      ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ]
  }
}

function configuration(folder: string, port: number): string {
  return `
ListenAddress 127.0.0.1:${port}
HostKey ${join(folder, 'host')}
AuthorizedKeysFile ${join(folder, 'user.pub')}
PidFile ${join(folder, 'sshd.pid')}
AuthenticationMethods publickey
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
`
}
