import type { App } from '../app.ts'

/** Sends everything back, and the end after it. */
export const echo: App = async (session) => {
  session.listen({
    bytes: (chunk) => {
      if (!session.write(chunk)) session.pause()
    },
    end: () => session.end(),
    drain: () => session.resume(),
    close() {},
  })
}
