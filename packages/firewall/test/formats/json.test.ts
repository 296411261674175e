import t from 'tap'
import { checkResult } from '../../src/check/result.ts'
import { jsonOf } from '../../src/formats/json.ts'
import { jsonLinesOf } from '../../src/formats/jsonl.ts'
import { everyZone, hostile, samples } from '../samples.ts'
import { wild } from './screen.ts'

const all = { ...samples, hostile }

t.test('JSON is the result as it is', async (t) => {
  for (const [name, sample] of Object.entries(all)) {
    t.same(checkResult.parse(JSON.parse(jsonOf(sample))), sample, name)
  }
})

t.test('JSON lines hold the whole result: runs, rows, paths, sessions, findings', async (t) => {
  for (const [name, sample] of Object.entries(all)) {
    const lines = linesOf(jsonLinesOf(sample))
    const of = (kind: string) =>
      lines.filter((line) => line.kind === kind).map(({ kind: _, ...rest }) => rest)
    const sessions = of('session').map(({ zone: _, ...session }) => session)
    const [run] = of('check')
    const again = { ...run, rows: of('row'), paths: of('path'), findings: of('finding'), sessions }
    t.same(checkResult.parse(again), sample, name)
    t.equal(lines[0]?.kind, 'check')
  }
})

t.test('of zones that were joined each run has its line', async (t) => {
  const joined = everyZone({ 'gateway-proxy-1080': ['filtered'] })
  const lines = linesOf(jsonLinesOf(joined))
  t.same(
    lines.filter(({ kind }) => kind === 'check').map(({ zone }) => zone),
    joined.zones.map(({ zone }) => zone),
  )
  t.equal(lines.filter(({ kind }) => kind === 'row').length, joined.rows.length)
  t.equal(lines.at(-1)?.code, 'DH_FW_FILTERED')
})

t.test('neither lets text of others reach a terminal as more than text', async (t) => {
  for (const text of [jsonOf(hostile), jsonLinesOf(hostile)]) t.same(wild(text), [])
  t.same(
    linesOf(jsonLinesOf({ ...samples.healthy, from: ['\u{e0041}\u009b'] }))[0]?.from,
    ['\u{e0041}\u009b'],
    'escaped, and read again as it was',
  )
})

function linesOf(text: string): Record<string, unknown>[] {
  const lines = text.split('\n')
  if (lines.pop() !== '') throw new Error('the last line has no end')
  return lines.map((line) => JSON.parse(line))
}
