import t from 'tap'
import type { Observed } from '../../src/check/result.ts'
import { judge, skipped } from '../../src/check/verdict.ts'
import { probe, row } from '../rows.ts'

const NEEDED = probe('gateway', 'proxy', 1080, { steps: [2, 5] })
const FORBIDDEN = probe('gateway', 'vda', 2598, { expect: 'deny' })

const VERDICTS: Readonly<Record<Observed, readonly [string, string]>> = {
  open: ['PASS', 'LEAK DH_FW_LEAK'],
  closed: ['BLOCKED DH_FW_CLOSED', 'PASS'],
  filtered: ['BLOCKED DH_FW_FILTERED', 'PASS'],
  rejected: ['BLOCKED DH_FW_REJECTED', 'PASS'],
  'no-route': ['BLOCKED DH_FW_NO_ROUTE', 'PASS'],
  intercepted: ['BLOCKED DH_FW_INTERCEPTED', 'LEAK DH_FW_LEAK'],
  'wrong-service': ['BLOCKED DH_FW_WRONG_SERVICE', 'LEAK DH_FW_LEAK'],
  unknown: ['UNKNOWN DH_FW_UNKNOWN', 'UNKNOWN DH_FW_UNKNOWN'],
}

t.test(
  'every word that can be observed has its verdict, on a needed flow and on a forbidden one',
  async (t) => {
    for (const [observed, [needed, forbidden]] of Object.entries(VERDICTS)) {
      const said = ({ verdict, code }: { verdict: string; code?: string | undefined }) =>
        [verdict, code].filter(Boolean).join(' ')
      t.equal(said(row(NEEDED, observed as Observed)), needed, `needed, ${observed}`)
      t.equal(said(row(FORBIDDEN, observed as Observed)), forbidden, `forbidden, ${observed}`)
    }
  },
)

t.test(
  'a refusal on a forbidden flow passes with a note, since a firewall or the host may have sent it',
  async (t) => {
    const { verdict, note } = row(FORBIDDEN, 'closed', { note: 'closed or rejected' })
    t.equal(verdict, 'PASS')
    t.equal(note, 'closed or rejected; doublehop listen there would tell whether it gets through')
    t.equal(row(FORBIDDEN, 'no-route', { note: 'no route to it' }).note, 'no route to it')
  },
)

t.test('a name that is not found is told as that, not as a rule that is missing', async (t) => {
  const layers = [{ layer: 'name', result: 'fail', note: 'ENOTFOUND' } as const]
  const { verdict, code } = row(NEEDED, 'unknown', { layers })
  t.same([verdict, code], ['BLOCKED', 'DH_FW_DNS'])
})

t.test('a certificate that ran out is told as that, since no firewall is at fault', async (t) => {
  const layers = [{ layer: 'tls', result: 'fail', note: 'it ended yesterday' } as const]
  const { verdict, code } = row(NEEDED, 'unknown', { layers })
  t.same([verdict, code], ['UNKNOWN', 'DH_FW_CERTIFICATE'])
})

t.test('a flow whose source is another host is skipped, and told where to run it', async (t) => {
  const elsewhere = judge(NEEDED, { layers: [], observed: 'unknown', ports: [], elsewhere: true })
  t.match(elsewhere, { verdict: 'SKIP', note: 'run on gateway, 10.2.0.2' })
  t.equal(skipped(NEEDED, 'not now').verdict, 'SKIP')
})

t.test('what the far end saw as source is kept where it is another one', async (t) => {
  const standIn = { address: '10.3.0.254', port: 40_001 }
  t.equal(row(NEEDED, 'open', { standIn }).seenAs, '10.3.0.254')
  t.equal(row(NEEDED, 'open', { standIn: { ...standIn, address: '10.2.0.2' } }).seenAs, undefined)
})
