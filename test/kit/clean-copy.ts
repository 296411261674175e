import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { temporaryFolder } from './house.ts'
import { toolPath } from './tools.ts'

/** A copy of the repository without anything that git ignores: what somebody gets who clones it. @returns its folder */
export function cleanCopy(root: string): string {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const { stdout, stderr, status } = spawnSync(toolPath('git'), list, { cwd: root })
  if (status !== 0) throw new Error(`git ls-files: ${stderr}`)
  const copy = temporaryFolder()
  for (const file of String(stdout).split('\0')) {
    // What was deleted and is not committed yet is listed too.
    if (!statSync(join(root, file), { throwIfNoEntry: false })?.isFile()) continue
    mkdirSync(dirname(join(copy, file)), { recursive: true })
    copyFileSync(join(root, file), join(copy, file))
  }
  return copy
}
