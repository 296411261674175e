import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Test } from 'tap'

/** What the process of the attackers is told, as JSON in its first argument. */
export interface Attack {
  readonly at: Endpoint
  readonly clients: number
  /** each takes the next of these addresses */
  readonly from: readonly string[]
}

/** What it tells, twice a second. */
export interface AttackReport {
  /** connections that are open at this moment */
  readonly open: number
  /** those that have got as far as they want so far, TLS and all */
  readonly opened: number
}

/** Clients that mean no good, in a process of their own. They end with the test. */
export class HostileClients {
  readonly #stop: () => Promise<void>
  #last: AttackReport = { open: 0, opened: 0 }

  constructor(test: Test, attack: Attack) {
    const script = new URL('./hostile-clients-process.ts', import.meta.url)
    const child = fork(script, [JSON.stringify(attack)], { execArgv: [] })
    child.on('message', (report: AttackReport) => {
      this.#last = report
    })
    const ended = once(child, 'exit')
    this.#stop = async () => {
      child.kill('SIGKILL')
      await ended
    }
    test.teardown(() => this.stop())
  }

  /** As it was told last. */
  get last(): AttackReport {
    return this.#last
  }

  /** All of them are gone at once. */
  stop(): Promise<void> {
    return this.#stop()
  }
}
