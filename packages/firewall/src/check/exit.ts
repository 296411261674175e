import type { DeepResult } from './deep-result.ts'
import type { PathRow, Row, Verdict } from './result.ts'

/** How bad: a hole is worse than a block, and a block worse than not knowing. */
const RANK: readonly Verdict[] = ['SKIP', 'PASS', 'UNKNOWN', 'BLOCKED', 'LEAK']

/** One verdict over everything: the worst there is; SKIP where nothing was checked. */
export function verdictOf(
  rows: readonly Row[],
  paths: readonly PathRow[],
  deep: readonly DeepResult[] = [],
): Verdict {
  const failed = deep.some(({ tests }) => tests.some(({ result }) => result === 'fail'))
  const verdicts = [...rows, ...paths].map(({ verdict }) => verdict)
  const all = [...verdicts, failed ? 'BLOCKED' : 'SKIP'].map((one) => RANK.indexOf(one as Verdict))
  return RANK[Math.max(0, ...all)] ?? 'SKIP'
}

/** 0 all is as it must be, 1 blocked, 2 leak, 3 no verdict reached. */
export function exitCodeOf(verdict: Verdict): number {
  return { PASS: 0, BLOCKED: 1, LEAK: 2, UNKNOWN: 3, SKIP: 3 }[verdict]
}
