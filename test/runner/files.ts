/** Which test files there are, and in which order they run. */
import { globSync, statSync } from 'node:fs'
import { relative, resolve } from 'node:path'

/** These are done in a second or two and everything stands on them. */
const FOUNDATION = ['wire', 'errors', 'settings']

const PATTERN = '**/*.test.ts'
const EVERYWHERE = ['packages/*/test', 'test']

/** A name that stands for no test file. */
export class NoTestFile extends Error {
  constructor(path: string) {
    super(`no test file: ${path}`)
  }
}

/**
 * The test files, relative to `root`, in stages that run one after the other: the foundation, the
 * rest (tap sorts it, so packages come before `test/`), and `test/last`, whose tests look at what
 * the others left behind.
 *
 * @param named files and folders to choose, relative to `from`; none of them means everything
 * @throws NoTestFile
 */
export function findStages(root: string, named: string[], from: string): string[][] {
  const files =
    named.length === 0
      ? EVERYWHERE.flatMap((folder) => globSync(`${folder}/${PATTERN}`, { cwd: root }))
      : named.flatMap((name) => testsIn(resolve(from, name)).map((file) => relative(root, file)))
  const stages = Map.groupBy(new Set(files.toSorted()), stageOf)
  return [0, 1, 2].map((stage) => stages.get(stage) ?? []).filter((stage) => stage.length > 0)
}

function stageOf(file: string): number {
  if (file.startsWith('test/last/')) return 2
  return FOUNDATION.some((name) => file.startsWith(`packages/${name}/`)) ? 0 : 1
}

function testsIn(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isFile()) return [path]
  const files = found ? globSync(PATTERN, { cwd: path }).map((file) => resolve(path, file)) : []
  if (files.length === 0) throw new NoTestFile(path)
  return files
}
