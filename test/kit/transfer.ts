import { createCipheriv, createHash } from 'node:crypto'
import type { End } from './ends.ts'

/** So many bytes of a stream that looks random and is the same for the same seed. */
export function bytesFrom(seed: string, count: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16))
  return cipher.update(Buffer.alloc(count))
}

/** What arrived at an end. */
export interface Arrived {
  readonly count: number
  readonly sha256: string
}

export function arrivedFrom(bytes: Uint8Array): Arrived {
  return { count: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

/** Takes all that an end hears until the other side has ended, without keeping it. Begin before it hears anything. */
export async function hearAll(end: End): Promise<Arrived> {
  const hash = createHash('sha256')
  let count = 0
  end.onBytes = (bytes) => {
    hash.update(bytes)
    count += bytes.length
  }
  await end.until(() => end.ended || end.closed)
  if (!end.ended) throw new Error(`broke off after ${count} bytes: ${end.error?.code}`)
  return { count, sha256: hash.digest('hex') }
}

/** Says all of it as fast as the end takes it, and then the end. @param progress told how much it has taken so far */
export async function sayAll(
  end: End,
  bytes: Uint8Array,
  progress: (count: number) => void = () => {},
): Promise<void> {
  const { socket } = end
  for (let at = 0; at < bytes.length && !end.closed; at += PIECE) {
    socket.write(bytes.subarray(at, at + PIECE))
    progress(Math.min(at + PIECE, bytes.length))
    await end.until(() => !socket.writableNeedDrain || end.closed)
  }
  socket.end()
}

const PIECE = 65_536
