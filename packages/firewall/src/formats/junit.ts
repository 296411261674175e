import type { Zone } from '@doublehop/settings/zones'
import type { DeepResult } from '../check/deep-result.ts'
import type { Finding, PathRow, Row, Verdict } from '../check/result.ts'
import { byZone, type Checked, service, type ZoneRuns } from './checked.ts'
import { printable } from './printable.ts'
import { tcpdumpCommand } from './tcpdump.ts'

/** JUnit XML as CI servers read it: a suite for each zone, a case for each flow, path and deep test. UNKNOWN is an error. */
export function junitOf(checked: Checked): string {
  const suites = byZone(checked).map((zone) => suite(zone, checked))
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="doublehop check">\n${suites.join('')}</testsuites>\n`
}

function suite({ zone, runs, rows }: ZoneRuns, { paths, findings }: Checked): string {
  const ids = new Set(runs.flatMap((run) => run.paths.map(({ id }) => id)))
  const ways = paths.filter(({ id }) => ids.has(id))
  const deep = runs.flatMap((run) => run.deep ?? []).flatMap((one) => deepCases(zone, one))
  const verdicts = [...rows, ...ways, ...deep].map(({ verdict }) => verdict)
  const count = (...wanted: string[]) => verdicts.filter((one) => wanted.includes(one)).length
  const attributes = {
    name: `zone ${zone}`,
    tests: verdicts.length,
    failures: count('BLOCKED', 'LEAK'),
    errors: count('UNKNOWN'),
    skipped: count('SKIP'),
    time: Math.max(...runs.map(({ seconds }) => seconds)),
    timestamp: (runs.at(-1)?.started ?? '').replace(/\.\d+Z$/, ''),
  }
  const cases = [
    ...rows.map((row) => flowCase(zone, row, findings)),
    ...ways.map((path) => pathCase(zone, path)),
    ...deep.map(({ text }) => text),
  ]
  return `  <testsuite${listed(attributes)}>\n${cases.join('')}  </testsuite>\n`
}

function flowCase(zone: Zone, row: Row, findings: readonly Finding[]): string {
  const { flow, layers, note, verdict, observed, code } = row
  const name = `${flow.expect} ${flow.id}: ${flow.from.address} → ${service(flow)}`
  const head = { classname: `doublehop.${zone}.${flow.expect}`, name }
  if (verdict === 'PASS') return element('testcase', head)
  if (verdict === 'SKIP')
    return element('testcase', head, element('skipped', { message: note ?? 'not run here' }))
  const found = findings.find(({ flows, level }) => level !== 'note' && flows.includes(flow.id))
  const told = [
    `expected ${flow.expect === 'allow' ? 'open' : 'not open'}, observed ${observed}`,
    layers.map((one) => `${one.layer} ${one.result}`).join(', '),
    note,
    found && tcpdumpCommand(found.capture),
  ]
  const lines = told.filter((one) => one !== undefined)
  const fault = { type: found?.code ?? code ?? verdict, message: found?.sentence ?? verdict }
  const kind = verdict === 'UNKNOWN' ? 'error' : 'failure'
  return element('testcase', head, element(kind, fault, lines.map(text).join('\n')))
}

function pathCase(zone: Zone, { label, verdict, note, see }: PathRow): string {
  const head = { classname: `doublehop.${zone}.path`, name: label }
  if (verdict === 'PASS') return element('testcase', head)
  const told = [note, see && `see zone ${see}`].filter((one) => one !== undefined)
  const message = told.length === 0 ? 'not run here' : told.join('; ')
  const tag = verdict === 'SKIP' ? 'skipped' : 'error'
  return element('testcase', head, element(tag, { message }))
}

/** Each with what it counts as. */
function deepCases(
  zone: Zone,
  { flow, route, tests, note = 'not run here' }: DeepResult,
): { readonly verdict: Verdict; readonly text: string }[] {
  const head = { classname: `doublehop.${zone}.deep`, name: `deep ${flow}: ${route}` }
  const skipped = (about: Attributes, message: string) => ({
    verdict: 'SKIP' as const,
    text: element('testcase', about, element('skipped', { message })),
  })
  if (tests.length === 0) return [skipped(head, note)]
  return tests.map(({ test, result, code = '', sentence, seconds: time }) => {
    const about = { ...head, name: `${head.name}, ${test}`, time }
    if (result === 'skip') return skipped(about, sentence)
    if (result === 'pass') return { verdict: 'PASS', text: element('testcase', about) }
    const failure = element('failure', { type: code, message: sentence })
    return { verdict: 'BLOCKED', text: element('testcase', about, failure) }
  })
}

function element(tag: string, attributes: Attributes, content?: string): string {
  const start = `<${tag}${listed(attributes)}`
  if (tag !== 'testcase') return content ? `${start}>${content}</${tag}>` : `${start}/>`
  if (content === undefined) return `    ${start}/>\n`
  return `    ${start}>\n      ${content}\n    </${tag}>\n`
}

type Attributes = Readonly<Record<string, string | number>>

function listed(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${text(String(value))}"`)
    .join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}

/** XML 1.0 has no way to write most control characters, so they are gone before. */
function text(value: string): string {
  return printable(value).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
