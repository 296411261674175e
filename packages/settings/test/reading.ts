import { join } from 'node:path'
import type { Test } from 'tap'
import { type Reading, readSettings } from '../src/load.ts'
import { parseOverride } from '../src/overrides.ts'
import type { Settings } from '../src/schema.ts'

interface Around {
  /** what --set says */
  readonly set?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Writes a doublehop.yaml of its own for this test, and reads it. */
export function read(
  t: Test,
  content: string | Buffer,
  { set = [], env = {} }: Around = {},
): Reading {
  return readSettings(fileWith(t, content), set.map(parseOverride), env)
}

/** The path of a doublehop.yaml with this content. */
export function fileWith(t: Test, content: string | Buffer): string {
  return join(t.testdir({ 'doublehop.yaml': content }), 'doublehop.yaml')
}

/** What is wrong with it, a line a problem: `doublehop.yaml:2: gateway.listen: expected …`. */
export function problemsOf(t: Test, content: string | Buffer, around?: Around): string[] {
  return listed(read(t, content, around))
}

/** The problems of a reading, without the folder of the file. */
export function listed({ problems }: Reading): string[] {
  return (problems ?? []).map(
    ({ file, path, why }) => `${file.replace(/^.*\//, '')}: ${path}: ${why}`,
  )
}

/** What it says, where it is known to be right. */
export function settingsOf(t: Test, content: string | Buffer, around?: Around): Settings {
  const reading = read(t, content, around)
  if (reading.settings === undefined) throw new Error(listed(reading).join('\n'))
  return reading.settings
}
