import { logTo } from '@doublehop/daemon/log'
import { openRedis } from '@doublehop/daemon/redis'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import t from 'tap'
import { inFiles, TestAuthority } from '../../../test/kit/certificates.ts'
import { EndServer } from '../../../test/kit/ends.ts'
import { LAST_FLIGHT, NOISES, noisyFront } from '../../../test/kit/noisy-front.ts'
import { until } from '../../../test/kit/wait.ts'

const AUTHORITY = new TestAuthority()
const CLIENT = inFiles(AUTHORITY.issue(['sta']))

/** A daemon must outlive whatever answers in the place of its Redis: an error that nobody hears ends the process. */
for (const [what, noise] of Object.entries(NOISES)) {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const name of ['127.0.0.1', 'another.example']) {
      t.test(
        `${what} behind a ${version} handshake as ${name} is an error of this connection, and the next one is tried`,
        async (t) => {
          const server = { ...AUTHORITY.issue([name]), maxVersion: version }
          const { at } = await EndServer.open(t, server)
          const front = await noisyFront(t, at, { noise, flight: LAST_FLIGHT[version] })
          const said: string[] = []
          const log = logTo('sta', (line) => said.push(JSON.parse(line).event))
          const redis = openRedis(`rediss://${formatEndpoint(front)}`, CLIENT, log)
          t.teardown(() => redis.disconnect())
          await until(
            () => said,
            ({ length }) => length >= 3,
          )
          t.same(new Set(said), new Set(['redis-error']))
        },
      )
    }
  }
}
