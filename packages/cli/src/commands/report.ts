import { realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { fault } from '@doublehop/errors/fault'
import { exitCodeOf } from '@doublehop/firewall/check/exit'
import { tableOf } from '@doublehop/firewall/formats/table'
import { join } from '@doublehop/firewall/report/join'
import { reportPage } from '@doublehop/firewall/report/page'
import { readResults } from '../result-files.ts'

/**
 * doublehop report: several zones, one verdict, one page.
 *
 * @returns 0 as it must be, 1 blocked, 2 leak, 3 no verdict
 * @throws Fault DH_FW_FILE, DH_FW_REPORT; nothing has been written then
 */
export function report(files: readonly string[], { html }: { readonly html: string }): number {
  const read = files.map(readResults)
  const joined = join(
    read.flatMap(({ checks }) => checks),
    read.flatMap(({ listens }) => listens),
  )
  writeWhole(html, reportPage(joined, joined.deep))
  process.stdout.write(`${tableOf(joined, process.stdout)}report: ${html}\n`)
  return exitCodeOf(joined.verdict)
}

/** Whole or not at all: somebody may be looking at the page of before. @throws Fault DH_FW_REPORT */
function writeWhole(file: string, text: string): void {
  try {
    const before = statSync(file, { throwIfNoEntry: false })
    // A pipe or a device takes what comes, and must stay what it is.
    if (before === undefined) replace(file, text, 0o666)
    else if (before.isFile()) replace(realpathSync(file), text, before.mode)
    else writeFileSync(file, text)
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException
    throw fault('DH_FW_REPORT', { file, why: code }, error)
  }
}

function replace(file: string, text: string, mode: number): void {
  const unfinished = `${file}.${process.pid}.new`
  try {
    writeFileSync(unfinished, text, { flag: 'wx', mode })
    renameSync(unfinished, file)
  } catch (error) {
    rmSync(unfinished, { force: true })
    throw error
  }
}
