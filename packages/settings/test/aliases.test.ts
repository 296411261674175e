import t from 'tap'
import { problemsOf, settingsOf } from './reading.ts'

const BOMB = 'doublehop.yaml: the file: its aliases (*name) multiply to more than is read here'

t.test('an anchor may be used as often as a configuration has use for it', async (t) => {
  const networks = Array.from({ length: 12 }, (_, at) => `10.${at}.0.0/16`).join(', ')
  const zones = ['lan', 'dmz1', 'dmz2', 'internal', 'management'].map((zone) => `${zone}: *all`)
  const text = `zones: { internet: &all [${networks}], ${zones.join(', ')} }`
  t.equal(settingsOf(t, text).zones.management?.length, 12)
})

t.test('an anchor that stands twice means the one before', async (t) => {
  const text = 'zones: { lan: &a [10.0.0.0/8], dmz1: *a, dmz2: &a [192.0.2.0/24], internal: *a }'
  const { zones } = settingsOf(t, text)
  t.same(zones.dmz1, zones.lan)
  t.same(zones.internal, zones.dmz2)
  t.notSame(zones.internal, zones.lan)
})

t.test('aliases that repeat far more than is written are a bomb', async (t) => {
  const list = Array.from({ length: 40 }, () => 'x').join(', ')
  const uses = (count: number): string => Array.from({ length: count }, () => '*a').join(', ')
  t.strictSame(problemsOf(t, `zones: { lan: &a [${list}] }\nvda: [${uses(100)}]`), [BOMB])
  t.notMatch(problemsOf(t, `zones: { lan: &a [${list}] }\nvda: [${uses(10)}]`), [BOMB])
})

t.test('a problem is told with a path that a line holds, however deep it lies', async (t) => {
  const [problem = ''] = problemsOf(t, `sta: ${'[{a: '.repeat(300)}{b: , b: }${'}]'.repeat(300)}`)
  t.match(problem, /^doublehop\.yaml:1: sta\[0\]\.a\[0\].*…: it stands twice$/)
  t.ok(problem.length < 200)
})
