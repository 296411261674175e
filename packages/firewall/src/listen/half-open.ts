import { readFile } from 'node:fs/promises'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { formatIp, unmapped } from '@doublehop/wire/ip'

/** SYN_RECV in net/tcp_states.h: a SYN came and was answered, and nobody has taken the answer yet. */
const SYN_RECV = '03'
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6']
/** A table this long belongs to a flood; the beginning of it tells enough. */
const TABLE_CHARACTERS = 4_000_000

/** A connection that is half open: `address:port` here, and there. */
export interface HalfOpen {
  readonly at: string
  readonly from: string
}

/** The half-open connections of a table of Linux (proc_pid_net(5)): addresses are 32-bit words in the machine's order. */
export function readHalfOpen(table: string): HalfOpen[] {
  return table.split('\n').flatMap((line) => {
    const [, local, remote, state] = line.trim().split(/\s+/)
    if (state !== SYN_RECV || local === undefined || remote === undefined) return []
    const [at, from] = [endpointText(local), endpointText(remote)]
    return at === undefined || from === undefined ? [] : [{ at, from }]
  })
}

function endpointText(text: string): string | undefined {
  const [, words, port] = /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/.exec(text) ?? []
  if (words === undefined || port === undefined) return undefined
  const bytes = Buffer.from(words, 'hex')
  // A daemon that listens for both families has those of IPv4 among those of IPv6.
  const host = unmapped(formatIp(isLittleEndian ? bytes.swap32() : bytes))
  return formatEndpoint({ host, port: Number.parseInt(port, 16) })
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

export interface HalfOpenOptions {
  /** how long one must stay so before it is told; every connection is half open for a moment */
  readonly afterMs: number
  readonly everyMs: number
  /** no more are followed at once */
  readonly most: number
}

/** Looks out for connections that stay half open, each told once, without any right. */
export class HalfOpenWatch {
  readonly #seen = new Map<string, { since: number; told: boolean }>()
  readonly #options: HalfOpenOptions
  readonly #onFound: (one: HalfOpen) => void
  readonly #timer: NodeJS.Timeout
  #looking: Promise<void> = Promise.resolve()
  #busy = false

  /** @param onFound for every one of this network namespace, whatever it leads to */
  constructor(options: HalfOpenOptions, onFound: (one: HalfOpen) => void) {
    this.#options = options
    this.#onFound = onFound
    this.#timer = setInterval(() => {
      if (!this.#busy) this.#looking = this.#look()
    }, options.everyMs)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  async #look(): Promise<void> {
    this.#busy = true
    try {
      const found = (await Promise.all(TABLES.map(tableOf))).flatMap(readHalfOpen)
      this.#note(found, performance.now())
    } finally {
      this.#busy = false
    }
  }

  #note(found: readonly HalfOpen[], now: number): void {
    const here = new Set<string>()
    for (const one of found) {
      const key = `${one.at} ${one.from}`
      here.add(key)
      const before = this.#seen.get(key)
      if (before === undefined) {
        if (this.#seen.size < this.#options.most) this.#seen.set(key, { since: now, told: false })
      } else if (!before.told && now - before.since >= this.#options.afterMs) {
        before.told = true
        this.#onFound(one)
      }
    }
    for (const key of this.#seen.keys()) if (!here.has(key)) this.#seen.delete(key)
  }
}

/** Where there is no such table, as on other systems, half-open connections stay unseen. */
async function tableOf(path: string): Promise<string> {
  const text = await readFile(path, 'latin1').catch(() => '')
  return text.slice(0, TABLE_CHARACTERS)
}
