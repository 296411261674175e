import type { Finding, Row } from '../check/result.ts'
import { byZone, type Checked, countsOf } from './checked.ts'
import { printable } from './printable.ts'

/**
 * Text exposition format 0.0.4, for the textfile collector or a push gateway. No label holds an address: flows have
 * names.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function prometheusOf(checked: Checked): string {
  const zones = byZone(checked)
  return [
    gauge(
      'doublehop_check_flow_ok',
      '1 where a flow is as it must be, 0 where it is blocked or leaks; left out where no verdict was reached',
      checked.rows.filter(isJudged).map((row) => [labelsOf(row), row.verdict === 'PASS' ? 1 : 0]),
    ),
    gauge(
      'doublehop_check_deep_ok',
      '1 where a deep test of a flow passed, 0 where it failed; left out where it was not run',
      (checked.deep ?? []).flatMap(({ flow, tests }) =>
        tests
          .filter(({ result }) => result !== 'skip')
          .map(({ test, result }) => [{ flow, test }, result === 'pass' ? 1 : 0] as const),
      ),
    ),
    gauge(
      'doublehop_check_flows',
      'Flows that start in a zone, by verdict',
      zones.flatMap(({ zone, rows }) =>
        Object.entries(countsOf(rows)).map(([verdict, count]) => [
          { zone, verdict: verdict.toLowerCase() },
          count,
        ]),
      ),
    ),
    gauge(
      'doublehop_check_findings',
      'What is wrong, by code',
      [...findingsByCode(checked.findings)].map(([code, count]) => [{ code }, count]),
    ),
    gauge(
      'doublehop_check_timestamp_seconds',
      'When the latest check of a zone began',
      zones.map(({ zone, runs }) => [{ zone }, latest(runs.map(({ started }) => started))]),
    ),
    gauge(
      'doublehop_check_duration_seconds',
      'How long the check of a zone took',
      zones.map(({ zone, runs }) => [{ zone }, Math.max(...runs.map(({ seconds }) => seconds))]),
    ),
  ].join('')
}

type Labels = Readonly<Record<string, string | number>>

function gauge(
  name: string,
  help: string,
  samples: readonly (readonly [Labels, number])[],
): string {
  const lines = samples.map(([labels, value]) => `${name}{${labelled(labels)}} ${number(value)}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join('')}`
}

function labelled(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(',')
}

/** A line end cannot come: it is gone as unprintable. */
function escaped(value: string): string {
  return printable(value).replace(/[\\"]/g, '\\$&')
}

function number(value: number): string {
  return Number.isFinite(value) ? String(value) : 'NaN'
}

/** Seconds since 1970. */
function latest(times: readonly string[]): number {
  return Math.max(...times.map((time) => Date.parse(time) / 1000))
}

function isJudged({ verdict }: Row): boolean {
  return verdict === 'PASS' || verdict === 'BLOCKED' || verdict === 'LEAK'
}

function labelsOf({ flow: { id, expect, from, to, protocol, port } }: Row): Labels {
  return { flow: id, zone: from.zone, expect, from: from.name, to: to.name, protocol, port }
}

function findingsByCode(findings: readonly Finding[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { code } of findings) counts.set(code, (counts.get(code) ?? 0) + 1)
  return counts
}
