import type { Agent } from 'node:http'
import { fault } from '@doublehop/errors/fault'

/**
 * Node's Agent counts a connection from when it is open, so while many are being opened at once its `maxSockets`
 * bounds nothing. Here a question takes a turn before it goes to the agent: no more of them are under way at one STA
 * than the agent may have connections to it.
 */
const BY_AGENT = new WeakMap<Agent, Map<string, Turns>>()

/** What is asked for, and for how long. */
export interface TurnWanted {
  /** how the STA is called in errors */
  readonly sta: string
  readonly url: URL
  /** how long to wait: nothing was said yet, so another STA may be asked then */
  readonly milliseconds: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Waits for a turn at this STA.
 *
 * @returns ends the turn
 * @throws Fault DH_STA_UNREACHABLE when there was none in time, or the reason of `signal`
 */
export async function takeTurn(agent: Agent, wanted: TurnWanted): Promise<() => void> {
  const byHost = BY_AGENT.get(agent) ?? new Map<string, Turns>()
  BY_AGENT.set(agent, byHost)
  const turns = byHost.get(wanted.url.host) ?? new Turns(agent.maxSockets)
  byHost.set(wanted.url.host, turns)
  await turns.take(wanted)
  return () => turns.end()
}

class Turns {
  readonly #most: number
  readonly #waiting = new Set<() => void>()
  #underWay = 0

  constructor(most: number) {
    this.#most = most
  }

  async take({ sta, milliseconds, signal }: TurnWanted): Promise<void> {
    signal?.throwIfAborted()
    if (this.#underWay < this.#most) {
      this.#underWay++
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const why = `${this.#most} questions to it are under way, and none ended in time`
    const giveUp = (reason: unknown): void => {
      this.#waiting.delete(resolve)
      reject(reason)
    }
    const timer = setTimeout(() => giveUp(fault('DH_STA_UNREACHABLE', { sta, why })), milliseconds)
    const onAbort = (): void => giveUp(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    this.#waiting.add(resolve)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** The next one that waits takes over. */
  end(): void {
    const [next] = this.#waiting
    if (next === undefined) this.#underWay--
    else {
      this.#waiting.delete(next)
      next()
    }
  }
}
