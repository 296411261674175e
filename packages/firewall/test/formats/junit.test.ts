import { child, type Element, readXml } from '@doublehop/wire/xml'
import t from 'tap'
import { junitOf } from '../../src/formats/junit.ts'
import { everyZone, hostile, samples } from '../samples.ts'
import { wild } from './screen.ts'

const read = (text: string) => readXml(text, { root: 'testsuites', system: '' })

t.test('a suite for a zone, a case for each flow and path', async (t) => {
  const root = read(junitOf(samples.leak))
  t.equal(root.name, 'testsuites')
  const suite = child(root, 'testsuite')
  t.same(
    { ...suite?.attributes },
    {
      name: 'zone dmz1',
      tests: '19',
      failures: '2',
      errors: '0',
      skipped: '1',
      time: '4.1',
      timestamp: '2026-03-02T09:30:00',
    },
  )
  const failed = casesWith(suite, 'failure')
  t.same(
    failed.map(({ name }) => name),
    [
      'allow gateway-proxy-1080: 10.2.0.2 → 10.3.0.2:1080/tcp',
      'deny gateway-vda-2598: 10.2.0.2 → 10.4.0.3:2598/tcp',
    ],
  )
  t.equal(failed[0]?.inner.attributes.type, 'DH_FW_FILTERED')
  t.equal(failed[0]?.inner.attributes.message, samples.leak.findings[1]?.sentence)
  t.equal(
    failed[0]?.inner.text,
    `expected open, observed filtered
tcp fail, tls skip, socks skip
tcpdump -ni any 'host 10.2.0.2 and host 10.3.0.2 and tcp port 1080 or icmp'`,
  )
  t.equal(casesWith(suite, 'skipped')[0]?.name, 'gateway → proxy → STA01')
})

t.test('no verdict is an error, what did not run is skipped', async (t) => {
  const suite = child(read(junitOf(samples.noVerdict)), 'testsuite')
  t.equal(suite?.attributes.errors, '1')
  t.equal(casesWith(suite, 'error')[0]?.inner.attributes.type, 'DH_FW_UNKNOWN')
  const other = child(read(junitOf(samples.oneHostOfTwo)), 'testsuite')
  t.equal(other?.attributes.skipped, '13')
  t.equal(casesWith(other, 'skipped')[0]?.inner.attributes.message, 'run on storefront, 10.3.0.3')
})

t.test('zones that were joined are a suite each', async (t) => {
  const root = read(junitOf(everyZone({ 'gateway-proxy-1080': ['filtered'] })))
  t.same(
    root.children.map(({ attributes }) => [attributes.name, attributes.failures]),
    [
      ['zone internet', '0'],
      ['zone lan', '0'],
      ['zone dmz1', '1'],
      ['zone dmz2', '0'],
      ['zone internal', '0'],
      ['zone management', '0'],
    ],
  )
  const cases = root.children.flatMap(({ children }) => children)
  t.equal(cases.length, 116)
})

t.test('text of others stays text', async (t) => {
  const text = junitOf(hostile)
  t.notMatch(text, '<script')
  t.same(wild(text), [])
  const suite = child(read(text), 'testsuite')
  t.equal(suite?.children.length, hostile.rows.length + hostile.paths.length)
  t.ok(suite?.children.every(({ name }) => name === 'testcase'))
  t.match(suite?.children[0]?.attributes.name, '<script>alert("1")</script> \' " & ]]>')
})

function casesWith(suite: Element | undefined, kind: string) {
  return (suite?.children ?? []).flatMap((one) => {
    const inner = child(one, kind)
    return inner === undefined ? [] : [{ name: one.attributes.name, inner }]
  })
}
