import { closeSync, openSync, readSync } from 'node:fs'

/**
 * All bytes of a file, a pipe or a device, or undefined when there are more than `limit`.
 * Of an endless one no more than that is ever read.
 *
 * @param path or 0, standard input, which may be a socket that has no path
 * @throws the system's error when it cannot be read
 */
export function readBounded(path: string | 0, limit: number): Buffer | undefined {
  const room = Buffer.allocUnsafe(limit + 1)
  const file = path === 0 ? path : openSync(path, 'r')
  try {
    let length = 0
    while (length <= limit) {
      const read = readSync(file, room, length, room.length - length, null)
      if (read === 0) return room.subarray(0, length)
      length += read
    }
    return undefined
  } finally {
    if (file !== 0) closeSync(file)
  }
}
