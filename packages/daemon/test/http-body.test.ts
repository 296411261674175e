import { PassThrough } from 'node:stream'
import { readBody } from '@doublehop/daemon/http-body'
import t from 'tap'

t.test('a body in pieces comes whole', async (t) => {
  const message = new PassThrough()
  const body = readBody(message, 10)
  message.write('12345')
  message.end('67890')
  t.equal(Buffer.from((await body) ?? []).toString(), '1234567890', 'as long as the limit')
})

t.test('no body is an empty one', async (t) => {
  const message = new PassThrough()
  const body = readBody(message, 10)
  message.end()
  t.equal((await body)?.length, 0)
})

t.test(
  'one that is too long is given up at once, and the message stays open to be answered',
  async (t) => {
    const message = new PassThrough()
    const body = readBody(message, 10)
    message.write('12345678901')
    t.equal(await body, undefined)
    t.notOk(message.destroyed)
    t.ok(message.isPaused(), 'and is not read any further')
  },
)

t.test('one that breaks off is none', async (t) => {
  for (const error of [undefined, new Error('reset')]) {
    const message = new PassThrough()
    const body = readBody(message, 10)
    message.write('123')
    message.destroy(error)
    t.equal(await body, undefined)
  }
})
