import { setTimeout as delay } from 'node:timers/promises'
import { commandLine, SEGMENT_BYTES } from './language.ts'
import { ask, type Far, meetAgain } from './meet.ts'
import { pattern } from './pattern.ts'
import { type SegmentSize, segmentSizeOf } from './segment-size.ts'
import { type Talk, whenOver } from './talk.ts'

/** How long a packet may take before it counts as lost. In that time Linux has sent it three times. */
const LOST_AFTER_MS = 1200
/** The far end gives no more than it got; that is sent in packets so small that they pass. */
const PIECE = 400
/** Every path of IPv4 carries this much (RFC 791, 3.2); nothing smaller is tried. */
export const SMALLEST = 576
/** Sizes of packets where paths usually break: minimum MTUs, tunnels, PPPoE, Ethernet, jumbo frames. */
const USUAL = [
  SMALLEST,
  1000,
  1200,
  1280,
  1350,
  1400,
  1420,
  1440,
  1460,
  1480,
  1492,
  1500,
  4000,
  8000,
]
/** So many sizes at once between one that passed and one that did not. */
const AT_ONCE = 7
/** A limit of new connections is another test's to find. */
const OPEN_EVERY_MS = 25
/** A search that its last look contradicts is made anew, not more often than this. */
const SEARCHES = 3

export interface SegmentsFound {
  /** the largest packet that passes, as its IP header tells its length */
  readonly up: number
  readonly down: number
  /** as large as this connection makes them, or as are tried */
  readonly full: number
}

/** Finds the largest packet that passes, away from here (`up`) and towards here. @throws NotMet, TalkOver */
export async function findLargestPackets(far: Far): Promise<SegmentsFound> {
  const { payload, header } = await agreedSize(far)
  const full = Math.min(payload, SEGMENT_BYTES) + header
  const find = (passes: (payload: number) => Promise<boolean>): Promise<number> =>
    largest(full, (packet) => passes(packet - header))
  const [up, down] = await Promise.all([
    find((bytes) => carriesUp(far, bytes)),
    find((bytes) => carriesDown(far, bytes)),
  ])
  return { up, down, full }
}

async function agreedSize(far: Far): Promise<SegmentSize> {
  const { talk } = await meetAgain(far)
  try {
    return await segmentSizeOf(talk.socket)
  } finally {
    talk.socket.destroy()
  }
}

/**
 * The largest size up to `full` that passes; 0 where not even the smallest does. What seems lost is tried once more at
 * the end: one that was lost by chance is no hole.
 */
export async function largest(
  full: number,
  passes: (packet: number) => Promise<boolean>,
): Promise<number> {
  for (let search = 1; ; search++) {
    if (await passes(full)) return full
    const { passed, lost } = await narrowDown(full, passes)
    if (search === SEARCHES || !(await passes(lost))) return passed
  }
}

/** Tries usual sizes at once, and then those between the largest that passed and the smallest that did not. */
async function narrowDown(
  full: number,
  passes: (packet: number) => Promise<boolean>,
): Promise<{ readonly passed: number; readonly lost: number }> {
  let [passed, lost] = [0, full]
  let sizes = USUAL.filter((size) => size < full)
  while (sizes.length > 0) {
    const results = await Promise.all(
      sizes.map((size, at) => delay(at * OPEN_EVERY_MS).then(() => passes(size))),
    )
    lost = Math.min(lost, ...sizes.filter((_, at) => !results[at]))
    passed = Math.max(passed, ...sizes.filter((size, at) => results[at] && size < lost))
    // Below the smallest size there is nothing worth knowing.
    sizes = passed === 0 ? [] : between(passed, lost)
  }
  return { passed, lost }
}

function between(passed: number, lost: number): number[] {
  const step = Math.ceil((lost - passed) / (AT_ONCE + 1))
  return Array.from({ length: AT_ONCE }, (_, at) => passed + (at + 1) * step).filter(
    (size) => size < lost,
  )
}

async function carriesUp(far: Far, payload: number): Promise<boolean> {
  return await onConnection(far, async (talk) => {
    await ask(talk, { what: 'take', bytes: payload }, far.timeoutMs)
    await talk.write(pattern(0, payload), LOST_AFTER_MS)
    return () => talk.line(LOST_AFTER_MS, 32)
  })
}

async function carriesDown(far: Far, payload: number): Promise<boolean> {
  return await onConnection(far, async (talk) => {
    for (let earned = 0; earned < payload; earned += PIECE) {
      await ask(talk, { what: 'take', bytes: PIECE }, far.timeoutMs)
      await talk.write(pattern(0, PIECE), far.timeoutMs)
      await talk.line(far.timeoutMs, 32)
    }
    await talk.write(commandLine({ what: 'give', bytes: payload }), far.timeoutMs)
    return () => talk.bytes(payload, LOST_AFTER_MS)
  })
}

/** @param prepare all that comes before the packet in question; what it returns waits for that one */
async function onConnection(
  far: Far,
  prepare: (talk: Talk) => Promise<() => Promise<unknown>>,
): Promise<boolean> {
  const { talk } = await meetAgain(far)
  try {
    const arrives = await prepare(talk)
    return await arrives().then(() => true, whenOver(false))
  } finally {
    talk.socket.resetAndDestroy() // what is still being repeated is of no use
  }
}
