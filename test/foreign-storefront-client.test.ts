import { join } from 'node:path'
import t from 'tap'
import { run } from './kit/foreign.ts'
import { House } from './kit/house.ts'
import { missing } from './kit/tools.ts'

t.test('curl at the storefront, through the gateway', { skip: missing('curl') }, async (t) => {
  const house = new House(t)
  const { gateway } = await house.doubleHop()
  const url = `https://${gateway.where()}`

  /** The status of the answer, and what it says. */
  const curl = async (
    ...args: string[]
  ): Promise<{ status: string; answer: Record<string, unknown> }> => {
    const trust = ['--cacert', join(house.folder, 'certs/workspace/ca.crt')]
    const { code, stdout, stderr } = await run(t, 'curl', [
      '-sS',
      '--max-time',
      '15',
      ...trust,
      '-w',
      '\n%{http_code}',
      ...args,
    ])
    if (code !== 0) throw new Error(stderr)
    const [answer = '', status = ''] = String(stdout)
      .trim()
      .split(/\n+(?=\d+$)/)
    return { status, answer: JSON.parse(answer) }
  }
  const signedIn = ['-H', `Authorization: Bearer ${house.read('workspace/token')}`]
  const post = (body: string) => ['-H', 'Content-Type: application/json', '-d', body]

  t.test('lists the apps', async (t) => {
    t.match(await curl(...signedIn, `${url}/apps`), {
      status: '200',
      answer: { apps: [{ name: 'echo', ports: [2598, 1494] }] },
    })
  })

  t.test('gets a ticket', async (t) => {
    const { status, answer } = await curl(...signedIn, ...post('{"app":"echo"}'), `${url}/tickets`)
    t.equal(status, '201')
    t.match(answer, { ticket: /^;40;STA01;[0-9A-F]{32}$/ })
    t.ok(new Date(String(answer.expires)) > new Date(), 'which is good for some time')
  })

  t.test('gets both over one connection', async (t) => {
    const list = [...signedIn, '-o', '-', `${url}/apps`]
    const { code, stdout } = await run(t, 'curl', [
      ...[
        '-sS',
        '--cacert',
        join(house.folder, 'certs/workspace/ca.crt'),
        '-w',
        '%{num_connects}\n',
        ...list,
      ],
      ...[
        '--next',
        '-sS',
        '--cacert',
        join(house.folder, 'certs/workspace/ca.crt'),
        '-w',
        '%{num_connects}\n',
        ...list,
      ],
    ])
    t.equal(code, 0)
    t.same(
      String(stdout).match(/^\d$/gm),
      ['1', '0'],
      'the second one needed no connection of its own',
    )
  })

  t.test('gets nothing without the token', async (t) => {
    const nothing = { status: '401', answer: { error: 'unauthorized' } }
    t.match(await curl(`${url}/apps`), nothing)
    t.match(await curl('-H', 'Authorization: Bearer guessed', `${url}/apps`), nothing)
    t.match(await curl(...post('{"app":"echo"}'), `${url}/tickets`), nothing)
  })

  t.test('gets no ticket for an app that is not there', async (t) => {
    const missing = await curl(...signedIn, ...post('{"app":"solitaire"}'), `${url}/tickets`)
    t.match(missing, { status: '404', answer: { error: 'app-unknown' } })
  })

  t.test('does not trust the gateway without the CA of the lab', async (t) => {
    t.match(await run(t, 'curl', ['-sS', ...signedIn, `${url}/apps`]), { code: 60 })
  })
})
