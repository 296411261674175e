import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { type Served, serve } from './foreign.ts'
import { temporaryFolder } from './house.ts'

/** Debian's redis-server on loopback with these lines of configuration. It ends with the test. */
export async function startRedisServer(
  test: Test,
  describe: (port: number) => readonly string[],
): Promise<Served> {
  const folder = temporaryFolder()
  const config = join(folder, 'redis.conf')
  const configure = (port: number): string[] => {
    const lines = ['bind 127.0.0.1', `dir ${folder}`, 'save ""', ...describe(port)]
    writeFileSync(config, `${lines.join('\n')}\n`)
    return [config]
  }
  return await serve(test, 'redis-server', configure, /Ready to accept connections/)
}
