import { fault } from '@doublehop/errors/fault'
import t from 'tap'
import { type Identify, StaDirectory } from '../src/directory.ts'

const sta = (url: string, id?: string) => ({ urls: [url], id })

/** An `Identify` that knows who answers where; who is not here cannot be reached. */
function answering(ids: Record<string, string | undefined>): Identify & { asked: string[] } {
  const asked: string[] = []
  const identify = async (url: URL): Promise<string | undefined> => {
    asked.push(url.hostname)
    if (!(url.hostname in ids)) throw fault('DH_STA_UNREACHABLE', { sta: url.host, why: 'down' })
    return ids[url.hostname]
  }
  return Object.assign(identify, { asked })
}

t.test('configured ids are known without asking anybody', async (t) => {
  const identify = answering({})
  const directory = new StaDirectory(
    [sta('https://a.example', 'STA01'), sta('https://b.example', 'STA02')],
    identify,
  )
  t.match(await directory.choose('STA02'), { id: 'STA02', urls: [new URL('https://b.example')] })
  await t.rejects(directory.choose('STA03'), { code: 'DH_STA_ID_UNKNOWN' })
  await t.rejects(directory.choose('sta01'), { code: 'DH_STA_ID_UNKNOWN' }, 'ids compare exactly')
  t.same(identify.asked, [])
})

t.test(
  'an id that is not configured is asked for when it is needed, by many at once one time',
  async (t) => {
    const identify = answering({ 'a.example': 'STA01', 'b.example': 'STA02' })
    const directory = new StaDirectory(
      [sta('https://a.example'), sta('https://b.example')],
      identify,
    )
    const chosen = await Promise.all(['STA01', 'STA02', 'STA01'].map((id) => directory.choose(id)))
    t.same(
      chosen.map(({ urls }) => urls[0]?.hostname),
      ['a.example', 'b.example', 'a.example'],
    )
    t.same(identify.asked, ['a.example', 'b.example'])
    await directory.choose('STA01')
    t.equal(identify.asked.length, 2, 'and kept')
  },
)

t.test('a second url of the same STA is asked when the first cannot be reached', async (t) => {
  const directory = new StaDirectory(
    [{ id: undefined, urls: ['https://down.example', 'https://b.example'] }],
    answering({ 'b.example': 'STA02' }),
  )
  t.equal((await directory.choose('STA02')).id, 'STA02')
})

t.test('while one has not told its id, an unknown ticket may be its own', async (t) => {
  const directory = new StaDirectory(
    [sta('https://a.example', 'STA01'), sta('https://down.example')],
    answering({}),
  )
  await t.rejects(directory.choose('STA02'), {
    code: 'DH_STA_UNREACHABLE',
    message: /down\.example has not told its id/,
  })
  t.equal((await directory.choose('STA01')).id, 'STA01', 'the others work')
})

t.test(
  'two that claim one id make a choice impossible, which is said and not guessed',
  async (t) => {
    const directory = new StaDirectory(
      [sta('https://a.example', 'STA01'), sta('https://b.example')],
      answering({ 'b.example': 'STA01' }),
    )
    await directory.refresh()
    await t.rejects(directory.choose('STA01'), {
      code: 'DH_STA_ID_AMBIGUOUS',
      message: 'two STAs claim the id STA01: https://a.example/, https://b.example/',
    })
  },
)

t.test('what is no id is not taken for one, and the last good one is kept', async (t) => {
  const ids: Record<string, string | undefined> = { 'a.example': 'STA01' }
  const directory = new StaDirectory([sta('https://a.example')], answering(ids))
  await directory.refresh()
  for (const odd of [
    '',
    'sta01',
    'STA',
    'STA-01',
    'STA01\r\nx: y',
    `STA${'1'.repeat(14)}`,
    undefined,
  ]) {
    ids['a.example'] = odd
    await directory.refresh()
    t.equal(directory.all[0]?.id, 'STA01', String(odd))
  }
  delete ids['a.example']
  await directory.refresh()
  t.equal(directory.all[0]?.id, 'STA01', 'an STA that is away keeps its id')
  ids['a.example'] = 'STA09'
  await directory.refresh()
  t.equal(directory.all[0]?.id, 'STA09', 'a new one is learnt')
})

t.test('a configured id is not overruled by what the STA tells', async (t) => {
  const directory = new StaDirectory(
    [sta('https://a.example', 'STA01')],
    answering({ 'a.example': 'STA02' }),
  )
  await directory.refresh()
  t.equal(directory.all[0]?.id, 'STA01')
})
