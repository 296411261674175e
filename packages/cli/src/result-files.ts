import { fault } from '@doublehop/errors/fault'
import { type Plan, plan } from '@doublehop/firewall/check/plan'
import {
  type CheckResult,
  checkResult,
  type ListenResult,
  listenResult,
} from '@doublehop/firewall/check/result'
import { readBounded } from '@doublehop/settings/bounded-file'
import { z } from 'zod'

/** Far more than the matrix of any zone takes. */
const LARGEST = 16 * 1024 * 1024
/** Each zone has a few hosts. */
const MOST_RESULTS = 1000
/** What this version writes, and reads. */
const VERSION = 1

const result = z.discriminatedUnion('doublehop', [checkResult, listenResult], {
  error: ({ code }) =>
    code === 'invalid_union' ? 'it is neither a check nor what listen got' : undefined,
})

/** What `doublehop check` or `doublehop listen` wrote as JSON: one result, or a list of them. @throws Fault DH_FW_FILE */
export function readResults(file: string): { checks: CheckResult[]; listens: ListenResult[] } {
  const expected = 'a result of doublehop check or listen, with --format json'
  const value = json(file, expected)
  if (Array.isArray(value) && value.length > MOST_RESULTS)
    throw fault('DH_FW_FILE', { file, why: `it holds more than ${MOST_RESULTS} results` })
  const all = Array.isArray(value)
    ? value.map((one, index) => parsed(file, one, result, `${expected}; ${index + 1}. result`))
    : [parsed(file, value, result, expected)]
  return {
    checks: all.filter((one) => one.doublehop === 'check'),
    listens: all.filter((one) => one.doublehop === 'listen'),
  }
}

/** What `doublehop plan` wrote. @throws Fault DH_FW_FILE */
export function readPlan(file: string): Plan {
  const expected = 'a plan of doublehop plan'
  return parsed(file, json(file, expected), plan, expected)
}

const written = z.looseObject({ doublehop: z.string().max(20), version: z.number() })

function parsed<T extends z.ZodType>(
  file: string,
  value: unknown,
  schema: T,
  expected: string,
): z.output<T> {
  const ours = written.safeParse(value)
  if (ours.success && ours.data.version !== VERSION) {
    const { doublehop: what, version } = ours.data
    const why = `it is of version ${version} (${what}), and this doublehop reads version ${VERSION}`
    throw fault('DH_FW_FILE', { file, why })
  }
  const found = schema.safeParse(value)
  if (found.success) return found.data
  const [issue] = found.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  throw fault('DH_FW_FILE', { file, why: `expected ${expected}; ${where}${issue?.message}` })
}

/** `-` is standard input. */
function json(file: string, expected: string): unknown {
  try {
    const bytes = readBounded(file === '-' ? 0 : file, LARGEST)
    if (bytes === undefined) throw new Error('it is longer than 16 MiB')
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why =
      error instanceof SyntaxError ? `expected ${expected}; it is no JSON` : (code ?? message)
    throw fault('DH_FW_FILE', { file, why }, error)
  }
}
