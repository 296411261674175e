import { randomBytes } from 'node:crypto'
import { STEPS } from '@doublehop/daemon/steps'
import { launch } from '@doublehop/workspace/launch'
import t from 'tap'
import { House } from './kit/house.ts'
import { exchange } from './kit/session.ts'
import { until } from './kit/wait.ts'

t.test('a ticket of the storefront launches echo through both hops, in nine steps', async (t) => {
  const house = new House(t)
  const { access, ticket } = await house.doubleHop()
  const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
  const bytes = randomBytes(3_000_000)
  t.ok((await exchange(leg, bytes)).equals(bytes), 'every byte came back in order')
  t.same(house.steps().map(({ name }) => name), STEPS)
  t.equal(new Set(house.steps().map(({ session }) => session)).size, 1, 'all in the name of one session')
  await until(() => house.events('session-closed').length, (count) => count >= 3)
})
