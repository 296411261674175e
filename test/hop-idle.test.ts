import t, { type Test } from 'tap'
import { Hop } from './kit/hop.ts'
import { House } from './kit/house.ts'

/** A gateway connects, says these bytes and no more. After how long, in ms, the proxy has closed the connection. */
async function closedAfter(t: Test, limits: object, ...say: number[]): Promise<number> {
  const house = new House(t)
  const proxy = await house.proxy([{ urls: ['https://127.0.0.1:1'] }], { limits })
  const since = performance.now()
  const hop = await Hop.open(house, proxy)
  if (say.length > 0) hop.socket.write(Uint8Array.from(say))
  t.equal((await hop.rest()).length, 0, 'without a word')
  hop.destroy()
  return performance.now() - since
}

t.test('a hop connection that says nothing is closed after hopIdle, not before', async (t) => {
  const milliseconds = await closedAfter(t, { hopIdle: '800 ms', greeting: '100 ms' })
  t.ok(milliseconds > 750, `after ${milliseconds} ms`)
})

t.test('from its first byte on it has only as long as the greeting', async (t) => {
  const milliseconds = await closedAfter(t, { hopIdle: '60 s', greeting: '100 ms' }, 5)
  t.ok(milliseconds < 30_000, `after ${milliseconds} ms`)
})
