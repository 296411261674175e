import { createCipheriv, createHash } from 'node:crypto'
import type { App } from '../app.ts'

/** Sends the stream of its seed until the client ends the session. What the client says is not looked at. */
export const source: App = async (session, { seed }) => {
  const next = seededStream(seed)
  let open = true
  const fill = (): void => {
    while (open && session.write(next())) {
      // The leg says when it has had enough.
    }
  }
  session.listen({
    bytes() {},
    end() {
      open = false
      session.end()
    },
    drain: fill,
    close: () => {
      open = false
    },
  })
  fill()
}

/** 64 KiB after 64 KiB of a stream that looks random and is the same for the same seed: AES-CTR under SHA-256 of it. */
function seededStream(seed: string): () => Uint8Array {
  const digest = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-128-ctr', digest.subarray(0, 16), digest.subarray(16))
  const zeros = new Uint8Array(65_536)
  return () => cipher.update(zeros)
}
