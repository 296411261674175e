import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fault } from '@doublehop/errors/fault'

/**
 * Runs a command of the host inside a namespace, to its end.
 *
 * @param prefix as a Namespace tells it
 * @param input its standard input
 * @returns what it wrote
 * @throws Fault DH_LAB_ISOLATION when it fails
 */
export async function runInside(
  prefix: readonly string[],
  command: readonly string[],
  input = '',
): Promise<string> {
  const [program = '', ...args] = [...prefix, ...command]
  const child = spawn(program, args, { stdio: 'pipe' })
  const ended = Promise.withResolvers<number | null>()
  child.once('error', ended.reject).once('close', ended.resolve)
  child.stdin.on('error', () => {}) // it may end before it has read everything
  child.stdin.end(input)
  const [out, complaint, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended.promise.catch((error: Error) => error.message),
  ])
  if (code === 0) return out
  const why = complaint.trim().split('\n')[0] || `it ended with ${code}`
  throw fault('DH_LAB_ISOLATION', { why: `${command.join(' ')}: ${why}` })
}
