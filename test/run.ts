/**
 * `npm test` runs every test, `npm test -- FILE…` some files or folders. It prints a line a file
 * while it runs, failures in full, and as its last line `N passed, N failed, N skipped`, where N
 * counts test cases as `runner/cases.ts` tells them apart. It exits with 0 only if something ran
 * and nothing failed.
 *
 * With DOUBLEHOP_REQUIRE=all a tool that is missing fails a test instead of skipping it. The tests
 * find in DOUBLEHOP_TEST_OUTPUT a folder of this run's own, for the logs of the daemons they start;
 * what the whole suite printed is put there too, as `output.txt`.
 */
import { appendFileSync, globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { FileOutcome } from './runner/cases.ts'
import { findStages, NoTestFile } from './runner/files.ts'
import { describeFile, describeRun } from './runner/report.ts'
import { buildTapIfStale, runTap } from './runner/tap.ts'

const RUNS_KEPT = 5

const root = resolve(import.meta.dirname, '..')
const outcomes: FileOutcome[] = []

try {
  // npm runs scripts in the root; a file is named from where the user stands.
  const from = process.env.INIT_CWD ?? process.cwd()
  await runTests(findStages(root, process.argv.slice(2), from))
} catch (error) {
  process.exitCode = 1
  console.error(error instanceof NoTestFile ? error.message : error)
}
console.log(describeRun(outcomes, performance.now()))
if (countFailures() > 0 || outcomes.every((file) => file.passed === 0)) process.exitCode = 1

async function runTests(stages: string[][]): Promise<void> {
  await buildTapIfStale(root)
  const output = freshOutputFolder()
  for (const files of stages) {
    const failuresBefore = countFailures()
    const code = await runTap({
      root,
      files,
      env: {
        DOUBLEHOP_TEST_OUTPUT: output,
        // Hundreds of daemons are started: a third of their time would go into compiling the same files.
        NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/doublehop'),
      },
      onOutput: (chunk) => appendFileSync(join(output, 'output.txt'), chunk),
      onNoise: (text) => void process.stderr.write(text),
      onFile: tell,
    })
    if (code !== 0 && countFailures() === failuresBefore) tell(failedRunner(code))
  }
  if (countFailures() > 0) console.log(`\nLogs: ${relative(process.cwd(), output)}`)
}

function tell(file: FileOutcome): void {
  outcomes.push(file)
  console.log(describeFile(file))
}

function countFailures(): number {
  return outcomes.reduce((sum, file) => sum + file.failures.length, 0)
}

function failedRunner(code: number): FileOutcome {
  const name = 'tap'
  const cause = { message: `ended with exit code ${code}`, details: {} }
  return {
    name,
    passed: 0,
    failures: [{ path: [name], causes: [cause] }],
    skips: [],
    milliseconds: 0,
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Runs at the same time must not share a folder, nor take it from each other; the newest few stay, to be looked at. */
function freshOutputFolder(): string {
  const parent = join(root, '.doublehop/test-output')
  const older = globSync('*/', { cwd: parent })
    .toSorted()
    .slice(0, 1 - RUNS_KEPT)
    .filter((name) => !isAlive(Number(name.split('-').at(-1)?.replace('/', ''))))
  for (const name of older) rmSync(join(parent, name), { recursive: true, force: true })
  const output = join(parent, `${new Date().toISOString().replaceAll(':', '-')}-${process.pid}`)
  mkdirSync(output, { recursive: true })
  writeFileSync(join(output, 'output.txt'), '')
  return output
}
