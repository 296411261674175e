import t, { type Test } from 'tap'
import { adviceOn } from '../src/advice.ts'
import { changed, type ExampleSection } from './examples.ts'
import { settingsOf } from './reading.ts'

const ONE = { id: 'STA01', urls: ['https://10.3.0.5:8080'] }
const TWO = { id: 'STA02', urls: ['https://10.3.0.6:8080', 'https://10.3.0.7:8080'] }

/** What is told of a file whose sections list these STAs. */
function told(t: Test, lists: Partial<Record<ExampleSection, readonly object[]>>): string[] {
  const text = Object.entries(lists).map(([section, stas]) =>
    changed(section as ExampleSection, { stas }),
  )
  return adviceOn(settingsOf(t, text.join(''))).map(({ path, why }) => `${path} ${why}`)
}

const differs = (path: string, from: string): string =>
  `${path} differs from ${from}: a ticket of an STA that is not on both lists cannot be launched`

t.test('the same lists are worth no word, however they are written', async (t) => {
  t.same(told(t, { gateway: [ONE, TWO], proxy: [ONE, TWO], storefront: [ONE, TWO] }), [])
  t.same(told(t, { gateway: [ONE, TWO], proxy: [TWO, ONE] }), [], 'the order is a preference')
  const turned = { ...TWO, urls: TWO.urls.toReversed() }
  t.same(told(t, { gateway: [TWO], proxy: [turned] }), [], 'that of the urls too')
  const spelt = { ...ONE, urls: ['HTTPS://10.3.0.5:8080/'] }
  t.same(told(t, { gateway: [ONE], proxy: [spelt] }), [], 'a url may be spelt in two ways')
})

t.test('a file with one of the lists has nothing to compare', async (t) => {
  for (const section of ['gateway', 'proxy', 'storefront'] as const)
    t.same(told(t, { [section]: [ONE] }), [])
})

t.test('lists that differ are told, whichever lacks the STA', async (t) => {
  const expected = [differs('proxy.stas', 'gateway.stas')]
  t.same(told(t, { gateway: [ONE, TWO], proxy: [ONE] }), expected)
  t.same(told(t, { gateway: [ONE], proxy: [ONE, TWO] }), expected)
  t.same(told(t, { gateway: [ONE], proxy: [{ ...ONE, id: 'STA09' }] }), expected, 'another id')
  t.same(
    told(t, { gateway: [ONE], proxy: [{ ...ONE, urls: ['https://10.3.0.5:8081'] }] }),
    expected,
    'another port',
  )
})

t.test('a storefront that issues where nobody redeems is told as well', async (t) => {
  t.same(told(t, { storefront: [TWO], gateway: [ONE], proxy: [ONE] }), [
    differs('gateway.stas', 'storefront.stas'),
    differs('proxy.stas', 'storefront.stas'),
  ])
})
