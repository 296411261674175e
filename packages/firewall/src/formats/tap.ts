import type { DeepResult } from '../check/deep-result.ts'
import type { Finding, PathRow, Row } from '../check/result.ts'
import { type Checked, service } from './checked.ts'
import { printable, printableJson } from './printable.ts'

/**
 * Test Anything Protocol 14: a test point for each flow, then for each path and each deep test, with what is wrong in
 * YAML below.
 */
export function tapOf({ rows, paths, findings, deep = [] }: Checked): string {
  const points = [
    ...rows.map((row) => flowPoint(row, findings)),
    ...paths.map((path) => pathPoint(path)),
    ...deep.flatMap(deepPoints),
  ]
  const lines = points.flatMap(({ ok, description, skip, diagnostics }, index) => [
    `${ok ? 'ok' : 'not ok'} ${index + 1} - ${plain(description)}${skip === undefined ? '' : ` # SKIP ${plain(skip)}`}`,
    ...(diagnostics === undefined ? [] : yaml(diagnostics)),
  ])
  return `${['TAP version 14', `1..${points.length}`, ...lines].join('\n')}\n`
}

interface Point {
  readonly ok: boolean
  readonly description: string
  readonly skip?: string
  readonly diagnostics?: Readonly<Record<string, unknown>>
}

function flowPoint(row: Row, findings: readonly Finding[]): Point {
  const { flow, verdict, observed, layers, note, code } = row
  const description = `${flow.expect} ${flow.id}: ${flow.from.address} → ${service(flow)}`
  if (verdict === 'SKIP') return { ok: true, description, skip: note ?? 'not run here' }
  if (verdict === 'PASS') return { ok: true, description }
  const found = findings.filter(({ flows, level }) => level !== 'note' && flows.includes(flow.id))
  const diagnostics = {
    verdict,
    expected: flow.expect === 'allow' ? 'open' : 'not open',
    observed,
    code: found[0]?.code ?? code,
    layers: layers.map((one) => `${one.layer} ${one.result}`).join(', '),
    note,
    firewalls: flow.firewalls,
    steps: flow.steps.length === 0 ? undefined : flow.steps,
    sentence: found[0]?.sentence,
    capture: found[0]?.capture,
  }
  return { ok: false, description, diagnostics }
}

function pathPoint({ label, verdict, note, see, through, behind }: PathRow): Point {
  const description = `path ${label}`
  if (verdict === 'PASS') return { ok: true, description }
  if (verdict === 'SKIP') return { ok: true, description, skip: note ?? `see ${through}` }
  return { ok: false, description, diagnostics: { verdict, through, behind, note, see } }
}

function deepPoints({ flow, route, firewalls, tests, note }: DeepResult): Point[] {
  const about = `deep ${flow}: ${route}`
  if (tests.length === 0) return [{ ok: true, description: about, skip: note ?? 'not run here' }]
  return tests.map(({ test, result, code, sentence }) => {
    const description = `${about}, ${test}`
    if (result === 'skip') return { ok: true, description, skip: sentence }
    if (result === 'pass') return { ok: true, description }
    return { ok: false, description, diagnostics: { code, firewalls, sentence } }
  })
}

/** A hash would begin a directive, and a backslash escapes it. */
function plain(text: string): string {
  return printable(text).replace(/[\\#]/g, '\\$&')
}

/** Values are JSON, which YAML reads as its own. */
function yaml(diagnostics: Readonly<Record<string, unknown>>): string[] {
  const values = Object.entries(diagnostics).filter(([, value]) => value !== undefined)
  const lines = values.map(([key, value]) => `  ${key}: ${printableJson(value)}`)
  return ['  ---', ...lines, '  ...']
}
