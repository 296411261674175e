import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Place } from '@doublehop/cli/lab/isolated/topology'
import type { IsolatedWorld } from './isolated-world.ts'

export interface ToDial {
  readonly host: string
  readonly port: number
  /** how long silence is listened to */
  readonly milliseconds: number
}

export interface Dialled {
  /** `open`, `silence`, or the code that the kernel gave */
  readonly became: string
  /** the first that came, where something came at once */
  readonly said: string
  readonly milliseconds: number
}

/** A process in the namespace of a place, which opens connections from there. */
export class Dialler {
  readonly #child: ChildProcess
  #asked = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    child.setMaxListeners(0)
  }

  static async at(world: IsolatedWorld, place: Place): Promise<Dialler> {
    const child = world.fork(
      place,
      fileURLToPath(import.meta.resolve('./isolated-dialler-process.ts')),
    )
    await once(child, 'message')
    return new Dialler(child)
  }

  /** Opens a connection, and closes it again. */
  async dial(host: string, port: number, milliseconds = 1000): Promise<Dialled> {
    const id = this.#asked++
    const { promise, resolve } = Promise.withResolvers<Dialled>()
    const onAnswer = (said: Dialled & { readonly id: number }): void => {
      if (said.id !== id) return
      this.#child.off('message', onAnswer)
      resolve(said)
    }
    this.#child.on('message', onAnswer)
    this.#child.send({ id, host, port, milliseconds })
    return await promise
  }
}
