/** How many slips still count as the same word. */
const SLIPS = 2

/**
 * The word that was most likely meant: the same but for letter case and separators, or at most two slips away
 * (a letter too many, too few, another one, or two swapped). Undefined when nothing is that close.
 */
export function nearest(written: string, known: readonly string[]): string | undefined {
  const wanted = plain(written)
  const allowed = Math.min(SLIPS, Math.floor(wanted.length / 3))
  let best: { word: string; slips: number } | undefined
  for (const word of known) {
    const slips = distance(wanted, plain(word))
    if (slips <= allowed && slips < (best?.slips ?? Number.POSITIVE_INFINITY))
      best = { word, slips }
  }
  return best?.word
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_.\s]/g, '')
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > SLIPS) return Number.POSITIVE_INFINITY
  let before: number[] = []
  let above = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (above[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (above[j - 1] ?? 0) + same,
        swapped ? (before[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      )
    }
    before = above
    above = row
  }
  return above[b.length] ?? 0
}
