import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import { temporaryFolder } from './house.ts'

/** A port and a file that nobody is to touch, for documents that tell a reader to. */
export class Beacon {
  /** a named pipe: who opens it to read waits there, and is seen */
  readonly file = join(temporaryFolder(), 'pipe')
  readonly port: number
  connections = 0

  private constructor(port: number) {
    this.port = port
    execFileSync('mkfifo', [this.file])
  }

  static async light(test: Test): Promise<Beacon> {
    const server = createServer((socket) => {
      beacon.connections++
      socket.destroy()
    })
    const { promise, resolve } = Promise.withResolvers<void>()
    server.listen(0, '127.0.0.1', resolve)
    await promise
    const beacon = new Beacon((server.address() as { port: number }).port)
    test.teardown(() => server.close())
    return beacon
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/x.dtd`
  }

  /** Whether anybody stands at the pipe: only then can it be opened to write without waiting (ENXIO, fifo(7)). */
  get isRead(): boolean {
    try {
      closeSync(openSync(this.file, constants.O_WRONLY | constants.O_NONBLOCK))
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENXIO') return false
      throw error
    }
  }
}
