/**
 * A sentence in lines that fit.
 *
 * @param columns of the screen; left out, one line however long, so that it can be searched
 * @param indent columns that are taken on each line
 */
export function wrapped(text: string, columns: number | undefined, indent: number): string[] {
  if (columns === undefined || columns - indent < 40) return [text]
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= columns - indent)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
