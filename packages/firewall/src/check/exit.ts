import type { DeepResult } from './deep-result.ts'
import { type PathRow, type Row, VERDICTS, type Verdict } from './result.ts'

/** One verdict over everything: the worst there is; SKIP where nothing was checked. */
export function verdictOf(
  rows: readonly Row[],
  paths: readonly PathRow[],
  deep: readonly DeepResult[] = [],
): Verdict {
  const failed = deep.some(({ tests }) => tests.some(({ result }) => result === 'fail'))
  const verdicts = [...rows, ...paths].map(({ verdict }) => verdict)
  const all: Verdict[] = [...verdicts, failed ? 'BLOCKED' : 'SKIP']
  return VERDICTS.findLast((verdict) => all.includes(verdict)) ?? 'SKIP'
}

/** 0 all is as it must be, 1 blocked, 2 leak, 3 no verdict reached. */
export function exitCodeOf(verdict: Verdict): number {
  return { PASS: 0, BLOCKED: 1, LEAK: 2, UNKNOWN: 3, SKIP: 3 }[verdict]
}
