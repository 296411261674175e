import { readFileSync } from 'node:fs'

/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS = 100

/**
 * CPU seconds that these processes have used so far, of user and kernel together: what a start costs, however busy the
 * machine is with other things. Undefined where there is no /proc.
 */
export function cpuSeconds(pids: readonly number[]): number | undefined {
  try {
    return pids.map(ticksOf).reduce((sum, ticks) => sum + ticks, 0) / TICKS
  } catch {
    return undefined
  }
}

/** utime and stime, the 14th and 15th field; the second one, the name, may hold blanks (proc(5)). */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return Number(fields[11]) + Number(fields[12])
}
