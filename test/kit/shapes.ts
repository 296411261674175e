/** Texts of any size, for what a parser can be given at worst. */
export type Shapes = Readonly<Record<string, (size: number) => string>>

/** A piece that is said again and again, with something before and behind. */
export function fill(piece: string, before = '', after = ''): (size: number) => string {
  return (size) => {
    const room = Math.max(0, size - before.length - after.length)
    return before + piece.repeat(room / piece.length) + after
  }
}

/** The same with pieces that all differ, by a number in them. */
export function numbered(
  piece: (at: number) => string,
  before = '',
  after = '',
): (size: number) => string {
  return (size) => {
    const room = size - before.length - after.length
    const pieces: string[] = []
    for (let at = 0, length = 0; ; at++) {
      const next = piece(at)
      length += next.length
      if (length > room) return before + pieces.join('') + after
      pieces.push(next)
    }
  }
}
