import type { Plan } from '@doublehop/firewall/check/plan'

/** Back to the first column, and what stands there is gone (ECMA-48: EL). */
const WIPE = '\r\u001B[K'

/** For people who wait: a line on a terminal that counts flows as they are judged, and vanishes. */
export class CheckProgress {
  readonly #screen: NodeJS.WriteStream
  readonly #zones: string
  readonly #wanted: ReadonlySet<string>
  readonly #judged = new Set<string>()

  /** @param only ids of the flows that are checked; left out, all of the plans */
  constructor(
    plans: readonly Plan[],
    only: readonly string[] | undefined,
    screen: NodeJS.WriteStream = process.stderr,
  ) {
    const ids = plans.flatMap(({ probes }) => probes.map(({ id }) => id))
    this.#wanted = new Set(ids.filter((id) => only === undefined || only.includes(id)))
    this.#zones = [...new Set(plans.map(({ zone }) => zone))].join(', ')
    this.#screen = screen
  }

  begin(): void {
    this.#judged.clear()
    this.#show()
  }

  /** A flow has been judged, or is not run here. */
  flow(id: string): void {
    this.#judged.add(id)
    this.#show()
  }

  end(): void {
    if (this.#isSeen) this.#screen.write(WIPE)
  }

  /** It would only be noise in a file, and on a terminal that cannot go back. */
  get #isSeen(): boolean {
    return this.#screen.isTTY && process.env.TERM !== 'dumb'
  }

  #show(): void {
    if (!this.#isSeen) return
    const text = `checking ${this.#zones} … ${this.#judged.size} of ${this.#wanted.size}`
    this.#screen.write(`${WIPE}${text.slice(0, Math.max(0, (this.#screen.columns || 80) - 1))}`)
  }
}
