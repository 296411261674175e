/** What `npm test` prints: a line a file, failures in full, and at the end a summary. */
import { inspect, styleText } from 'node:util'
import type { Cause, Failure, FileOutcome } from './cases.ts'

/** A line for the file, then everything that failed in it. */
export function describeFile(file: FileOutcome): string {
  const ok = file.failures.length === 0
  const counts = [
    `${file.passed} passed`,
    ...(ok ? [] : [styleText('red', `${file.failures.length} failed`)]),
    ...(file.skips.length === 0 ? [] : [styleText('yellow', `${file.skips.length} skipped`)]),
  ]
  const mark = ok ? styleText('green', '✓') : styleText('red', '✗')
  const seconds = (file.milliseconds / 1000).toFixed(2)
  const line = `${mark} ${file.name}  ${counts.join(', ')}  ${styleText('dim', `${seconds} s`)}`
  return [line, ...file.failures.map(describeFailure)].join('\n')
}

/**
 * The skips with their reasons, the failures by name, how long it took, and as the last line the
 * counts: `N passed, N failed, N skipped`.
 */
export function describeRun(files: FileOutcome[], milliseconds: number): string {
  const skips = files.flatMap((file) => file.skips)
  const failures = files.flatMap((file) => file.failures)
  const passed = files.reduce((sum, file) => sum + file.passed, 0)
  return [
    '',
    ...(skips.length > 0 ? ['Skipped:'] : []),
    ...skips.map(({ path, reason }) => `  ${nameOf(path)}: ${reason}`),
    ...(failures.length > 0 ? ['Failed:'] : []),
    ...failures.map(({ path, causes }) => `  ${nameOf(path)}: ${causes[0]?.message}`),
    `${files.length} files in ${(milliseconds / 1000).toFixed(1)} s`,
    `${passed} passed, ${failures.length} failed, ${skips.length} skipped`,
  ].join('\n')
}

function nameOf(path: string[]): string {
  return path.join(' > ')
}

function describeFailure({ path, causes }: Failure): string {
  const title = styleText('red', `  ✗ ${nameOf(path.slice(1)) || 'outside any subtest'}`)
  return [title, ...causes.map((cause) => indented(describeCause(cause), 4))].join('\n')
}

function describeCause({ message, details }: Cause): string {
  const { at, diff, source, stack, tapCaught, ...more } = details
  const shown = diff ?? (tapCaught ? stack : source)
  const rest = Object.entries(more).filter(([name]) => !SAID_BY_THE_DIFF.includes(name))
  return [
    styleText('bold', message) + placeOf(at),
    ...(typeof shown === 'string' ? [shown.trimEnd()] : []),
    ...(rest.length > 0 ? [inspect(Object.fromEntries(rest), { depth: 6 })] : []),
  ].join('\n')
}

const SAID_BY_THE_DIFF = ['compare', 'test']

function placeOf(at: unknown): string {
  const place = at as { fileName?: string; lineNumber?: number } | undefined
  return place?.fileName ? `  (${place.fileName}:${place.lineNumber ?? '?'})` : ''
}

function indented(text: string, columns: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(columns))
}
