import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type DaemonProcess, linesOf } from './daemon-process.ts'
import { Program } from './foreign.ts'
import type { House } from './house.ts'
import { atScale } from './nightly.ts'
import { missing, toolPath } from './tools.ts'

const TYPE_A = 1
const SERVER_FAILURE = 2
const NAME_ERROR = 3

/** Why a test of names cannot run: port 53 and a resolv.conf of its own are for root. @throws Error with DOUBLEHOP_REQUIRE=all */
export function withoutNames(): string | false {
  const absent = missing('unshare', 'mount')
  if (absent !== false) return absent
  if (process.platform === 'linux' && process.getuid?.() === 0) return false
  const reason = 'only root may give a process a resolv.conf of its own'
  if (process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/** A daemon that asks a troubled name server. */
export type Named = Pick<DaemonProcess, 'program' | 'at' | 'where'>

/** What a resolver without an answer takes: glibc's own defaults make it 10 s. */
const PATIENCE = atScale('timeout:2 attempts:1', 'timeout:5 attempts:2')

/**
 * A name server (RFC 1035) on an address of loopback of its own. What a name begins with says how it is answered:
 * `well…` by 127.0.0.1, `unknown…` with "no such name", `broken…` with a failure, and `hung…` not at all. It ends with
 * the test.
 */
export class TroubledNames {
  readonly host: string
  /** each question, once */
  readonly asked = new Set<string>()
  readonly #socket = createSocket('udp4')

  private constructor(host: string) {
    this.host = host
  }

  static async serve(test: Test): Promise<TroubledNames> {
    const names = new TroubledNames(`127.53.${(process.pid >> 8) & 255}.${process.pid & 255}`)
    names.#socket.on('message', (query, { address, port }) => {
      const answer = names.#answer(query)
      if (answer !== undefined) names.#socket.send(answer, port, address)
    })
    test.teardown(() => names.#socket.close())
    names.#socket.bind(53, names.host)
    await once(names.#socket, 'listening')
    return names
  }

  /** Starts a daemon as a process that asks this name server and no other. */
  async start(
    test: Test,
    house: House,
    kind: string,
    name: string,
    section: object,
  ): Promise<Named> {
    const file = join(house.folder, `${name}.yaml`)
    const resolv = join(house.folder, `${name}.resolv.conf`)
    writeFileSync(file, JSON.stringify({ [kind]: { name, ...section } }))
    writeFileSync(resolv, `nameserver ${this.host}\noptions ${PATIENCE}\n`)
    const bin = join(import.meta.dirname, `../../packages/${kind}/bin/doublehop-${kind}.ts`)
    const script = 'mount --bind "$1" "$(readlink -f /etc/resolv.conf)" && shift && exec "$@"'
    const command = [process.execPath, bin, '--config', file]
    const program = new Program(
      test,
      toolPath('unshare'),
      ['--mount', 'sh', '-c', script, 'sh', resolv, ...command],
      { logged: true },
    )
    // By SIGTERM it would wait for lookups that are under way.
    test.teardown(() => program.stop('SIGKILL'))
    await program.says(/"event":"ready".*\n/)
    const at = linesOf(program).find(({ event }) => event === 'ready')?.at as Record<string, string>
    return { program, at, where: (listener = 'listen') => at[listener] ?? '' }
  }

  #answer(query: Buffer): Buffer | undefined {
    const { name, end } = questionOf(query)
    this.asked.add(name)
    if (name.startsWith('hung')) return undefined
    const code = name.startsWith('well')
      ? 0
      : name.startsWith('broken')
        ? SERVER_FAILURE
        : NAME_ERROR
    const known = code === 0 && query.readUInt16BE(end - 4) === TYPE_A
    const head = Buffer.from(query.subarray(0, 12))
    head.writeUInt16BE(0x8180 | code, 2)
    head.writeUInt16BE(known ? 1 : 0, 6)
    head.fill(0, 8)
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1])
    return Buffer.concat([head, query.subarray(12, end), ...(known ? [answer] : [])])
  }
}

/** The first question of a query: its name, and where it ends, behind type and class. */
function questionOf(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.'), end: at + 5 }
}
