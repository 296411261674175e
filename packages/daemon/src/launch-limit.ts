import { type Fault, fault } from '@doublehop/errors/fault'
import type { Session } from './session.ts'

/** How long a launch may go on: until its deadline, and only while whoever asked for it is there. For `using`. */
export class LaunchLimit implements Disposable {
  readonly #controller = new AbortController()
  readonly #gone: AbortSignal
  readonly #timer: NodeJS.Timeout
  readonly #onGone: () => void

  constructor(session: Session, milliseconds: number) {
    const end = (why: () => Fault) => (): void => this.#controller.abort(why())
    const seconds = milliseconds / 1000
    this.#timer = setTimeout(
      end(() => fault('DH_LAUNCH_DEADLINE', { seconds, step: session.reached })),
      milliseconds,
    )
    this.#onGone = end(() => fault('DH_CLIENT_GONE', { step: session.reached }))
    this.#gone = session.client.gone
    this.#gone.addEventListener('abort', this.#onGone)
    if (this.#gone.aborted) this.#onGone()
  }

  /** Aborted with a Fault: DH_LAUNCH_DEADLINE, or DH_CLIENT_GONE. A client that merely ended its half is still there. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    this.#gone.removeEventListener('abort', this.#onGone)
  }
}
