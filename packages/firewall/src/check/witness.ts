import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { Endpoint } from '@doublehop/wire/endpoint'
import { unmapped } from '@doublehop/wire/ip'
import { readPacket, type Sighting, type Told } from './icmp.ts'
import { PcapStream } from './pcap.ts'

/** Sees the ICMP errors and resets that come back, which sockets do not tell apart. */
export interface Witness {
  /** false once it has ended by itself */
  readonly watching: boolean
  /**
   * What came back about one connection or datagram; waits so long for it at most, or until `over` is aborted. Undefined
   * when nothing did.
   */
  about(
    attempt: WitnessedAttempt,
    milliseconds: number,
    over?: AbortSignal,
  ): Promise<Told | undefined>
  /** A connection or datagram begins: what was seen of a former one from the same port is not about it. */
  begin(attempt: WitnessedAttempt): void
  close(): void
}

export type WitnessedAttempt = Omit<Sighting, 'told'>

/** Starts tcpdump; undefined where it is missing or not allowed, or does not come up within five seconds. */
export async function openWitness(): Promise<Witness | undefined> {
  if (process.platform !== 'linux') return
  const child = spawn('sh', ['-c', TCPDUMP, 'sh', FILTER], { stdio: ['pipe', 'pipe', 'pipe'] })
  // Whatever becomes of it is told by `exit` and by the end of what it prints.
  child.on('error', () => {})
  for (const stream of child.stdio) stream?.on('error', () => {})
  if (await listens(child)) return new Tcpdump(child)
  child.stdin?.end()
  child.kill()
  return undefined
}

/**
 * tcpdump learns that its reader is gone only when it has the next packet to write, which may be never. So a shell sits
 * beside it that waits for the end of its own input, which the kernel closes however we end.
 */
const TCPDUMP = `exec 3<&0
tcpdump -i any -n -U -w - --immediate-mode -s 256 "$1" </dev/null 3<&- &
dump=$!
{ cat <&3 >/dev/null; kill $dump; } 2>/dev/null >/dev/null &
watch=$!
exec 3<&-
wait $dump
kill $watch 2>/dev/null`

/** What tells of other people's packets: unreachable and time exceeded, in both families, and resets. */
const FILTER = [
  'icmp[0] == 3 or icmp[0] == 11',
  '(icmp6 and ip6[40] >= 1 and ip6[40] <= 3)',
  'tcp[13] & 4 != 0',
  '(ip6[6] == 6 and ip6[53] & 4 != 0)',
].join(' or ')

const PATIENCE_MILLISECONDS = 5000
const MOST_KEPT = 10_000

/** Whether it says that it listens. */
async function listens(child: ChildProcess): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  let said = ''
  const onSaid = (text: Buffer): void => {
    said = (said + text.toString('latin1')).slice(-4096)
    if (/listening on /.test(said)) resolve(true)
  }
  const onEnd = (): void => resolve(false)
  child.stderr?.on('data', onSaid)
  child.once('exit', onEnd).once('error', onEnd)
  const timer = setTimeout(onEnd, PATIENCE_MILLISECONDS)
  const came = await promise
  clearTimeout(timer)
  child.stderr?.off('data', onSaid).resume()
  return came
}

class Tcpdump implements Witness {
  readonly #child: ChildProcess
  readonly #capture = new PcapStream()
  readonly #seen = new Map<string, Told>()
  readonly #waiting = new Map<string, Set<(told: Told) => void>>()
  #watching = true

  constructor(child: ChildProcess) {
    this.#child = child
    const stdout = child.stdout as Readable
    stdout.on('data', (bytes: Buffer) => this.#read(bytes))
    stdout.on('close', () => {
      this.#watching = false
    })
  }

  get watching(): boolean {
    return this.#watching && !this.#capture.broken
  }

  async about(
    attempt: WitnessedAttempt,
    milliseconds: number,
    over?: AbortSignal,
  ): Promise<Told | undefined> {
    const key = keyOf(attempt)
    const seen = this.#seen.get(key)
    if (seen !== undefined || !this.watching || over?.aborted) return seen
    const { promise, resolve } = Promise.withResolvers<Told | undefined>()
    const waiting = this.#waiting.get(key) ?? new Set()
    this.#waiting.set(key, waiting.add(resolve))
    const giveUp = (): void => resolve(undefined)
    const timer = setTimeout(giveUp, milliseconds)
    over?.addEventListener('abort', giveUp)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      over?.removeEventListener('abort', giveUp)
      waiting.delete(resolve)
      if (waiting.size === 0) this.#waiting.delete(key)
    }
  }

  begin(attempt: WitnessedAttempt): void {
    this.#seen.delete(keyOf(attempt))
  }

  close(): void {
    this.#watching = false
    this.#child.stdin?.end()
    this.#child.stdout?.destroy()
  }

  #read(bytes: Uint8Array): void {
    for (const packet of this.#capture.feed(bytes)) {
      const sighting = readPacket(packet)
      if (sighting !== undefined) this.#note(sighting)
    }
  }

  #note(sighting: Sighting): void {
    const key = keyOf(sighting)
    // The first word counts; but what stops nobody must not hide what comes behind it.
    const before = this.#seen.get(key)
    if (before !== undefined && !(before.by === 'icmp' && before.means === 'nothing')) return
    this.#seen.set(key, sighting.told)
    if (this.#seen.size > MOST_KEPT) this.#seen.delete(this.#seen.keys().next().value ?? '')
    for (const tell of this.#waiting.get(key) ?? []) tell(sighting.told)
  }
}

function keyOf({ protocol, from, to }: WitnessedAttempt): string {
  const text = ({ host, port }: Endpoint): string => `${unmapped(host)} ${port}`
  return `${protocol} ${text(from)} ${text(to)}`
}
