import t from 'tap'
import { linesOf } from '../kit/daemon-process.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { until } from '../kit/wait.ts'

const DIFFER = 'sta-lists-differ'

t.test('lists in one file are compared, at the start and on reload', async (t) => {
  const house = new HouseToReload(t, ['proxy'])
  const double = await house.doubleHop()
  const url = `https://${double.sta.where()}`
  const fileWith = (stas: readonly object[]): string => {
    const gateway = { ...house.section('gateway'), stas }
    return JSON.stringify({ gateway, ...JSON.parse(house.textOf('proxy')) })
  }
  const same = [{ id: 'STA01', urls: [url] }]
  t.match(await house.hangUp('proxy', fileWith(same)), { event: 'reloaded' })
  t.same(warnings(house), [])
  const more = [...same, { id: 'STA02', urls: ['https://127.0.0.1:1'] }]
  t.match(await house.hangUp('proxy', fileWith(more)), { event: 'reloaded' })
  const warned = await until(
    () => warnings(house),
    ({ length }) => length > 0,
  )
  t.match(warned, [
    { level: 'warn', code: 'DH_STA_LISTS', msg: /proxy\.stas differs from gateway\.stas/ },
  ])
})

t.test('a gateway learns from the proxy, on another host, that it lists another STA', async (t) => {
  const house = new HouseToReload(t, [])
  const double = await house.doubleHop()
  const stas = house.section('gateway').stas as object[]
  t.same(house.events(DIFFER), [])
  await house.change('gateway', { stas: [...stas, { urls: ['https://127.0.0.1:1'] }] })
  t.match(
    await until(
      () => house.events(DIFFER),
      ({ length }) => length > 0,
    ),
    [{ daemon: 'gateway', code: 'DH_STA_LISTS', msg: /proxy does not list 127\.0\.0\.1:1/ }],
  )
  await house.change('gateway', { stas })
  await house.change('proxy', { stas: [{ id: 'STA01', urls: ['https://127.0.0.1:1'] }] })
  // An STA is asked who it is every 10 s, and at once by a gateway that reloads.
  await house.change('gateway')
  t.match(
    await until(
      () => house.events(DIFFER),
      ({ length }) => length > 1,
    ),
    [{}, { msg: new RegExp(`proxy does not list ${double.sta.where()}`) }],
  )
})

t.test('and that an STA calls itself otherwise', async (t) => {
  const house = new HouseToReload(t, [])
  const double = await house.doubleHop()
  const urls = [`https://${double.sta.where()}`]
  await house.change('gateway', { stas: [{ id: 'STA09', urls }] })
  t.match(
    await until(
      () => house.events(DIFFER),
      ({ length }) => length > 0,
    ),
    [{ daemon: 'gateway', msg: /is listed as STA09 and calls itself STA01/ }],
  )
})

function warnings(house: HouseToReload): Record<string, unknown>[] {
  return linesOf(house.program('proxy')).filter(({ event }) => event === DIFFER)
}
