/**
 * Reads the output of `tap run` (TAP 14) and counts test cases.
 *
 * A case is a subtest (`t.test`) without subtests of its own, however many assertions it makes;
 * assertions beside or outside subtests are one more case, named for the test or file they stand in.
 * A case has failed if an assertion in it did or if it ended badly (a throw, a time-out, a plan not
 * kept). Every skipped or postponed (todo) test or assertion is one skip. A file that ran no test
 * has failed, unless it gave a reason with `t.plan(0, reason)`.
 */
import type { Parser, Result } from 'tap-parser'

/** What one test file came to. */
export interface FileOutcome {
  name: string
  passed: number
  failures: Failure[]
  skips: Skip[]
  /** 0 where tap does not say, as for a file that was stopped. */
  milliseconds: number
}

/** A failed case and what is wrong with it, at least one cause. */
export interface Failure {
  /** From the file to the case. */
  path: string[]
  causes: Cause[]
}

/** A failed assertion or a bad end. */
export interface Cause {
  message: string
  /** What tap adds: `at`, `stack`, `source`, `diff` and more, as read from YAML. */
  details: Record<string, unknown>
}

interface Skip {
  path: string[]
  reason: string
}

/** Calls `done` with each test file's outcome as soon as `tap` has read it. */
export function readCases(tap: Parser, done: (file: FileOutcome) => void): void {
  let file: TestInProgress | undefined
  tap.on('child', (child: Parser) => {
    file = new TestInProgress([child.name], emptyOutcome(child.name))
    file.follow(child)
  })
  tap.on('assert', (end: Result) => {
    // Of a file that had to be killed tap gives no subtest, only this line with the name in it.
    const { expired } = detailsOf(end)
    const name = typeof expired === 'string' ? expired : end.name
    const { outcome } = (file ?? new TestInProgress([name], emptyOutcome(name))).end(end)
    file = undefined
    done({ ...outcome, milliseconds: end.time ?? 0 })
  })
  tap.on('bailout', (reason: string) => {
    const cause = { message: `bailed out: ${reason}`, details: {} }
    const failures = [{ path: ['the whole run'], causes: [cause] }]
    done({ ...emptyOutcome('the whole run'), failures })
  })
}

function emptyOutcome(name: string): FileOutcome {
  return { name, passed: 0, failures: [], skips: [], milliseconds: 0 }
}

function detailsOf(result: Result): Record<string, unknown> {
  return result.diag ?? {}
}

/** A test file or a subtest while its lines come in. */
class TestInProgress {
  /** The whole file's, shared by all tests in it. */
  readonly outcome: FileOutcome
  readonly #path: string[]
  readonly #isFile: boolean
  readonly #causes: Cause[] = []
  #passedAssertions = 0
  /** Nothing in here has been counted yet: no case, no skip. */
  #isEmpty = true
  #hasFailedSubtest = false

  constructor(path: string[], outcome: FileOutcome) {
    this.outcome = outcome
    this.#path = path
    this.#isFile = path.length === 1
  }

  follow(lines: Parser): void {
    let subtest: TestInProgress | undefined
    lines.on('child', (child: Parser) => {
      subtest = new TestInProgress([...this.#path, child.name], this.outcome)
      subtest.follow(child)
    })
    lines.on('assert', (result: Result) => {
      this.#isEmpty = false
      if (!result.closingTestPoint || !subtest) return this.#assertion(result)
      subtest.end(result)
      this.#hasFailedSubtest ||= !result.ok
      subtest = undefined
    })
  }

  #assertion(result: Result): void {
    if (result.skip || result.todo) this.#skip(result, [...this.#path, result.name])
    else if (result.ok) this.#passedAssertions++
    else this.#causes.push({ message: result.name, details: detailsOf(result) })
  }

  #skip(result: Result, path: string[]): void {
    const word = result.skip || result.todo
    const reason = typeof word === 'string' ? word : result.name
    this.outcome.skips.push({ path, reason: result.todo ? `todo: ${reason}` : reason })
  }

  /** `result` is the line that sums this test up in its parent. */
  end(result: Result): this {
    const { failures } = this.outcome
    if (!result.ok && this.#causes.length === 0 && !this.#hasFailedSubtest) {
      this.#causes.push({ message: badEnd(result), details: {} })
    }
    if (this.#isFile && this.#isEmpty && result.skip === NO_TESTS) {
      this.#causes.push({ message: 'ran no test', details: {} })
    } else if (result.skip) {
      this.#skip(result, this.#path)
      return this
    }
    if (this.#causes.length > 0) failures.push({ path: this.#path, causes: this.#causes })
    else if (this.#passedAssertions > 0 || (this.#isEmpty && !this.#isFile)) this.outcome.passed++
    return this
  }
}

/** What tap gives as the reason for a skip where there was none. */
const NO_TESTS = 'no tests found'

function badEnd(result: Result): string {
  const { exitCode, signal, expired } = detailsOf(result)
  if (expired !== undefined) return 'timed out'
  if (typeof signal === 'string') return `ended by ${signal}`
  return typeof exitCode === 'number' ? `ended with exit code ${exitCode}` : result.name
}
