import { stripVTControlCharacters, styleText } from 'node:util'
import type { DeepResult } from '../check/deep-result.ts'
import type { Finding, Layer, PathRow, Row, Verdict } from '../check/result.ts'
import { byZone, type Checked, countsOf, nature, runsOf, service, worstFirst } from './checked.ts'
import { printable } from './printable.ts'
import { wrapped } from './table-wrap.ts'
import { tcpdumpCommand } from './tcpdump.ts'

/** Where a table goes: colours only where the stream shows them (and NO_COLOR does not forbid it). */
export type Screen = NodeJS.WritableStream & { readonly columns?: number }

const USUAL_COLUMNS = 120
/** So many rows that did not run stand each for itself; more are counted. */
const FEW = 3
/** So many forbidden flows that are filtered stand each for itself, which is a zone's; those of all zones are counted. */
const ONE_ZONE = 30

type Style = Parameters<typeof styleText>[0]

const STYLES: Readonly<Record<Verdict, Style>> = {
  LEAK: ['bold', 'magenta'],
  BLOCKED: ['bold', 'red'],
  UNKNOWN: ['bold', 'yellow'],
  PASS: 'green',
  SKIP: 'dim',
}

const LEVELS = {
  leak: STYLES.LEAK,
  blocked: STYLES.BLOCKED,
  unknown: STYLES.UNKNOWN,
  note: 'cyan',
} as const satisfies Record<Finding['level'], Style>

/**
 * For people: what was expected beside what was observed, the worst first; below it what to change, and one line with
 * the verdict.
 *
 * @param screen its `columns` are the width; 120 where it has none
 */
export function tableOf(checked: Checked, screen: Screen): string {
  const paint = (style: Style, text: string) => styleText(style, text, { stream: screen })
  return [
    `${headOf(checked, paint)}\n`,
    rowsOf(checked, screen.columns ?? USUAL_COLUMNS, paint),
    findingsOf(checked.findings, screen.columns, paint),
    `${summaryOf(checked, paint)}\n`,
  ]
    .filter((part) => part !== '')
    .join('')
}

type Paint = (style: Style, text: string) => string

/** `zone dmz1, from 10.2.0.2 · 9 flows · 4.1 s`. */
function headOf(checked: Checked, paint: Paint): string {
  const runs = runsOf(checked)
  const zones = byZone(checked).map(({ zone }) => zone)
  const from = [...new Set(runs.flatMap((run) => run.from))]
  const ran = checked.rows.filter(({ verdict }) => verdict !== 'SKIP').length
  const seconds = Math.max(0, ...runs.map((run) => run.seconds))
  const missing = 'missing' in checked ? checked.missing : []
  const parts = [
    `${from.length === 0 ? '' : `, from ${printable(listed(from))}`}`,
    ` · ${plural(ran, 'flow')}`,
    ` · ${seconds.toFixed(1)} s`,
    missing.length === 0 ? '' : ` · not checked: ${missing.join(', ')}`,
  ]
  return `${paint('bold', `${zones.length > 1 ? 'zones' : 'zone'} ${zones.join(', ')}`)}${parts.join('')}`
}

function listed(names: readonly string[]): string {
  return names.length <= 4 ? names.join(', ') : `${names.length} addresses`
}

const HEAD = ['EXPECT', 'FLOW', 'LAYERS', 'OBSERVED', 'VERDICT', ''] as const

function rowsOf({ rows, paths, deep = [] }: Checked, columns: number, paint: Paint): string {
  const { alone, counted } = split(worstFirst(rows))
  const lines = [HEAD, ...fitting(alone, columns)]
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  )
  const laidOut = (line: readonly string[]) =>
    line.map((cell, column) => cell.padEnd(widths[column] ?? 0))
  const under = (text: string) => `${' '.repeat((widths[0] ?? 0) + 2)}${text}\n`
  const body = alone.map((row, index) => {
    const line = painted(laidOut(lines[index + 1] ?? []), row.verdict, paint)
    const note = row.note === undefined ? '' : printable(row.note)
    const width = stripVTControlCharacters(line).length
    const told =
      note === ''
        ? `${line}\n`
        : width + 2 + note.length <= columns
          ? `${line}  ${paint('dim', note)}\n`
          : `${line}\n${under(paint('dim', note))}`
    const behind = paths.filter(({ through }) => through === row.flow.id)
    const beyond = deep.filter(({ flow }) => flow === row.flow.id)
    return [
      told,
      ...behind.map((path) => under(pathLine(path, paint))),
      ...beyond.map((one) => under(deepLine(one, paint))),
    ].join('')
  })
  const rest = counted.map((text) => paint('dim', text))
  const head = paint('dim', laidOut(HEAD).join('  ').trimEnd())
  return alone.length === 0
    ? rest.map((line) => `${line}\n`).join('')
    : `${head}\n${body.join('')}${rest.map(under).join('')}`
}

const VERDICT = 4

function painted(cells: readonly string[], verdict: Verdict, paint: Paint): string {
  const isLast = cells.slice(VERDICT + 1).every((cell) => cell.trim() === '')
  return cells
    .map((cell, column) =>
      column === VERDICT ? paint(STYLES[verdict], isLast ? cell.trimEnd() : cell) : cell,
    )
    .join('  ')
    .trimEnd()
}

/** What rows do without where the screen is narrow: codes stand with the findings again, steps in the report. */
const ECONOMIES = [
  { codes: true, natures: true },
  { codes: false, natures: true },
  { codes: false, natures: false },
] as const
type Economy = (typeof ECONOMIES)[number]

function fitting(rows: readonly Row[], columns: number): readonly string[][] {
  const ways = ECONOMIES.map((economy) => cellsOf(rows, economy))
  return ways.find((lines) => widthOf(lines) <= columns) ?? ways.at(-1) ?? []
}

function widthOf(lines: readonly string[][]): number {
  return HEAD.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => line[column]?.length ?? 0)),
  ).reduce((sum, width) => sum + width + 2, -2)
}

function cellsOf(rows: readonly Row[], { codes, natures }: Economy): string[][] {
  const oneSource = new Set(rows.map(({ flow }) => flow.from.name)).size === 1
  const named = ({ from, to }: Row['flow']) =>
    printable(oneSource ? to.name : `${from.name} → ${to.name}`)
  const longest = (texts: readonly string[]) => Math.max(0, ...texts.map((text) => text.length))
  const nameWidth = longest(rows.map(({ flow }) => named(flow)))
  const serviceWidth = longest(rows.map(({ flow }) => service(flow)))
  return rows.map(({ flow, layers, observed, verdict, code }) => {
    const target = `${named(flow).padEnd(nameWidth)} ${service(flow).padEnd(serviceWidth)}`
    return [
      flow.expect,
      natures ? `${target}  ${nature(flow)}`.trimEnd() : target.trimEnd(),
      layers.map(layerText).join(' '),
      verdict === 'SKIP' ? '' : observed,
      verdict,
      codes ? printable(code ?? '') : '',
    ]
  })
}

const SIGNS: Readonly<Record<Layer['result'], string>> = { pass: '✓', fail: '✗', skip: '–' }

function layerText({ layer, result }: Layer): string {
  return `${layer} ${SIGNS[result]}`
}

/** Rows of which there are many, and nothing to say about one alone, are counted. */
function split(rows: readonly Row[]) {
  const byReason = Map.groupBy(rows, reasonToCount)
  const counted = [...byReason].flatMap(([text, group]) =>
    text !== undefined && group.length > (text === SHUT ? ONE_ZONE : FEW) ? [{ text, group }] : [],
  )
  const away = new Set(counted.flatMap(({ group }) => group))
  return {
    alone: rows.filter((row) => !away.has(row)),
    counted: counted.map(({ text, group }) => `${group.length} ${text}`),
  }
}

const SHUT = 'forbidden flows are filtered, as they must be'

function reasonToCount({ verdict, flow, observed, note }: Row): string | undefined {
  if (verdict === 'PASS' && flow.expect === 'deny' && observed === 'filtered' && !note) return SHUT
  if (verdict !== 'SKIP') return undefined
  const why = printable(note ?? 'not run here')
  return `more ${why.startsWith('run ') ? '' : '· '}${why}`
}

function pathLine({ label, verdict, note, see }: PathRow, paint: Paint): string {
  const told = [note, see && `see zone ${see}`].filter((one) => one !== undefined).join(', ')
  return `└ ${printable(label)}  ${paint(STYLES[verdict], verdict)}  ${paint('dim', printable(told))}`.trimEnd()
}

/** `└ deep  idle ✓ mtu ✗ half-close ✓ bytes – rate ✓`, or why nothing was tried. */
function deepLine({ tests, note = '' }: DeepResult, paint: Paint): string {
  if (tests.length === 0)
    return `└ deep  ${paint(STYLES.SKIP, 'SKIP')}  ${paint('dim', printable(note))}`
  const told = tests.map(({ test, result }) => `${test} ${SIGNS[result]}`).join(' ')
  const failed = tests.some(({ result }) => result === 'fail')
  return `└ deep  ${failed ? paint(STYLES.BLOCKED, told) : told}`
}

function findingsOf(findings: readonly Finding[], columns: number | undefined, paint: Paint) {
  const width = Math.max(0, ...findings.map(({ code }) => code.length))
  const indent = ' '.repeat(width + 2)
  return findings
    .map(({ code, level, sentence, capture }) => {
      const [first, ...more] = wrapped(printable(sentence), columns, indent.length)
      const head = `${paint(LEVELS[level], printable(code).padEnd(width))}  ${first}\n`
      const rest = more.map((line) => `${indent}${line}\n`)
      const filter = capture === '' ? '' : `${indent}${paint('dim', tcpdumpCommand(capture))}\n`
      return `${head}${rest.join('')}${filter}`
    })
    .join('')
}

type Part = [count: number, verdict: Verdict, text: string]

/** `1 leak, 1 blocked, 7 as they must be, 0 unknown`. A way that stops behind its flow is no flow, and no verdict either. */
function summaryOf({ rows, paths, deep = [] }: Checked, paint: Paint): string {
  const { LEAK, BLOCKED, UNKNOWN, PASS, SKIP } = countsOf(rows)
  const behind = paths.filter(({ verdict }) => verdict === 'UNKNOWN').length
  const tests = deep.flatMap((one) => one.tests)
  const failed = tests.filter(({ result }) => result === 'fail').length
  const parts: Part[] = [
    [LEAK, 'LEAK', plural(LEAK, 'leak')],
    [BLOCKED, 'BLOCKED', `${BLOCKED} blocked`],
    ...(failed > 0 ? [[failed, 'BLOCKED', `${plural(failed, 'deep test')} failed`] as Part] : []),
    [PASS, 'PASS', `${PASS} as ${PASS === 1 ? 'it' : 'they'} must be`],
    [UNKNOWN, 'UNKNOWN', `${UNKNOWN} unknown`],
    ...(behind > 0 ? [[behind, 'UNKNOWN', `${behind} unknown behind`] as Part] : []),
    ...(SKIP > 0 ? [[SKIP, 'SKIP', `${SKIP} not run here`] as Part] : []),
  ]
  return parts
    .map(([count, verdict, text]) => (count > 0 ? paint(STYLES[verdict], text) : text))
    .join(', ')
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
