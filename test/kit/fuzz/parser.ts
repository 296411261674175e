import { isFault } from '@doublehop/errors/fault'
import type { Dice } from './dice.ts'

/** What became of an input. A conversation may also wait for more than it was given. */
export type Verdict = 'accepted' | 'refused' | 'waits'

/** Something that reads what a stranger wrote. */
export interface Parser {
  readonly name: string
  /** good inputs, to be changed */
  readonly corpus: readonly Uint8Array[]
  /** the most bytes it is ever given in a daemon, or a little more */
  readonly longest: number
  /** its part of all inputs */
  readonly share: number
  /** Throws (or rejects with) what must not happen: anything but a Fault of ours, or a promise broken. */
  judge(input: Uint8Array, dice: Dice): Verdict | Promise<Verdict>
}

/** The verdict of a reader that throws a Fault, or gives undefined, for what it refuses. */
export function verdictOf(read: () => unknown): Verdict {
  try {
    return read() === undefined ? 'refused' : 'accepted'
  } catch (caught) {
    if (isFault(caught) && caught.code !== 'DH_INTERNAL') return 'refused'
    throw caught
  }
}

/** A text as bytes spell it: as UTF-8, as one character a byte, or as two bytes a character, with halves of pairs. */
export function textOf(input: Uint8Array, dice: Dice): string {
  const encoding = dice.pick(['utf8', 'utf8', 'latin1', 'utf16le'] as const)
  return Buffer.from(input).toString(encoding)
}
