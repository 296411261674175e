import t from 'tap'
import { isSessionId } from '../src/session-id.ts'

t.test('a session id is 32 lower-case hex digits and nothing else', async (t) => {
  t.ok(isSessionId('0123456789abcdef0123456789abcdef'))
  const others = [
    '',
    '-',
    '0123456789abcdef0123456789abcde',
    '0123456789abcdef0123456789abcdef0',
    '0123456789ABCDEF0123456789abcdef',
    '0123456789abcdeg0123456789abcdef',
    '0123456789abcdef0123456789abcdef\n',
    '\n0123456789abcdef0123456789abcdef',
    ' 123456789abcdef0123456789abcdef',
  ]
  for (const other of others) t.notOk(isSessionId(other), JSON.stringify(other))
})
