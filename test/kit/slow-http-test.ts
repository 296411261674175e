import { stripVTControlCharacters } from 'node:util'
import type { Test } from 'tap'
import { start } from './foreign.ts'

/** What slowhttptest saw of a server. */
export interface SlowOutcome {
  /** why it ended: `No open connections left`, `Hit test time limit` */
  readonly end: string
  /** the most connections it held at once, of those that it told of */
  readonly held: number
  /** whether its own good client was always answered */
  readonly available: boolean
}

/** Its three attacks: headers, a body, or an answer, by the byte. */
export const SLOW = {
  headers: ['-H', '-t', 'GET', '-i', '1'],
  body: ['-B', '-t', 'POST', '-i', '1', '-s', '3000'],
  read: ['-X', '-t', 'GET', '-k', '4', '-w', '8', '-y', '16', '-n', '1', '-z', '1'],
} as const

/**
 * Runs slowhttptest until the server has closed all its connections, or for so long.
 *
 * @param connections at once, all of them opened within a second
 */
export async function slowHttpTest(
  test: Test,
  attack: readonly string[],
  url: string,
  { connections, seconds }: { readonly connections: number; readonly seconds: number },
): Promise<SlowOutcome> {
  const many = String(connections)
  const program = start(test, 'slowhttptest', [
    ...attack,
    ...['-c', many, '-r', many, '-l', String(seconds), '-p', '15', '-v', '1', '-u', url],
  ])
  program.hush()
  const { stdout, stderr } = await program.ended
  const text = stripVTControlCharacters(String(stdout))
  const [, end] = /Exit status: *(.+)/.exec(text) ?? []
  if (end === undefined) throw new Error(`slowhttptest said ${text} ${stderr}`)
  const told = [...text.matchAll(/^connected: +(\d+)/gm)].map(([, count]) => Number(count))
  return {
    end: end.trim(),
    held: Math.max(0, ...told),
    available: /service available: +YES/.test(text) && !/service available: +NO/.test(text),
  }
}
