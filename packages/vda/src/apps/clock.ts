import { bytesOf } from '@doublehop/wire/text'
import type { App } from '../app.ts'

/** Says the time, a line a second, until the client ends the session. */
export const clock: App = async (session) => {
  const tick = (): void => void session.write(bytesOf(`${new Date().toISOString()}\n`))
  const timer = setInterval(tick, 1000)
  tick() // before it hears that the client may have ended already
  session.listen({
    bytes() {},
    end() {
      clearInterval(timer)
      session.end()
    },
    drain() {},
    close: () => clearInterval(timer),
  })
}
