import { createHash } from 'node:crypto'
import { bytesOf } from '@doublehop/wire/text'
import type { App } from '../app.ts'

/** Takes everything, and answers at the end with one line: byte count and SHA-256. */
export const sink: App = async (session) => {
  const hash = createHash('sha256')
  let count = 0
  session.listen({
    bytes(chunk) {
      hash.update(chunk)
      count += chunk.length
    },
    end() {
      session.write(bytesOf(`${count} ${hash.digest('hex')}\n`))
      session.end()
    },
    drain() {},
    close() {},
  })
}
