import { type AdminView, openAdmin } from '@doublehop/daemon/admin'
import { Metrics } from '@doublehop/daemon/metrics'
import t, { type Test } from 'tap'
import { askAdmin } from '../../../test/kit/ask-admin.ts'
import { openEnd } from '../../../test/kit/ends.ts'

const ANY = { host: '127.0.0.1', port: 0 }

/** Both listeners, without networks that may scrape, and a view that a test may change. */
async function open(t: Test) {
  const view: AdminView & { ready: boolean; connections: () => object } = {
    metrics: new Metrics(),
    ready: true,
    readiness: () => ({ ready: view.ready, degraded: ['https://sta:8080'] }),
    connections: () => ({ sessions: [] }),
  }
  const listeners = await openAdmin({ admin: ANY, metrics: { listen: ANY } }, view, {} as never)
  t.teardown(() => listeners.close())
  return { view, listeners, ask: (path: string) => askAdmin(listeners.at.admin, path) }
}

t.test('what is degraded is ready, and named', async (t) => {
  const { view, ask } = await open(t)
  const degraded = await ask('/readyz')
  t.equal(degraded.status, 200)
  t.same(await degraded.json(), { ready: true, degraded: ['https://sta:8080'] })
  view.ready = false
  t.equal((await ask('/readyz')).status, 503)
})

t.test('a view that fails is an answer', async (t) => {
  const { view, ask } = await open(t)
  view.connections = () => {
    throw new Error('on purpose')
  }
  t.equal((await ask('/sessions')).status, 500)
  t.equal((await ask('/healthz')).status, 200)
})

t.test('where no network may scrape, nobody can', async (t) => {
  const { listeners } = await open(t)
  await t.rejects(askAdmin(listeners.at.metrics, '/metrics'))
})

t.test('who asks for neither listener has neither', async (t) => {
  const { view } = await open(t)
  const none = await openAdmin({}, view, {} as never)
  t.same(none.at, {})
  none.close()
})

t.test('closing ends who is connected, also in the middle of a request', async (t) => {
  const { listeners, ask } = await open(t)
  const at = listeners.at.admin ?? ANY
  const [silent, half] = [await openEnd(t, at), await openEnd(t, at)]
  half.say('GET /healthz HTTP/1.1\r\nHost: loc')
  t.equal((await ask('/healthz')).status, 200)
  listeners.close()
  for (const end of [silent, half]) await end.until(() => end.ended || end.closed)
  await t.rejects(ask('/healthz'))
})
