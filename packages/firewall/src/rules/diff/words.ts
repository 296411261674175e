/** The words of a line, as iptables-save quotes them: in double quotes, with backslashes before quotes in them. */
export function words(line: string): string[] {
  const found: string[] = []
  let word: string | undefined
  let quoted = false
  for (let at = 0; at < line.length; at++) {
    const one = line[at] ?? ''
    if (one === '\\' && at + 1 < line.length) {
      at++
      word = (word ?? '') + (line[at] ?? '')
    } else if (one === '"') {
      quoted = !quoted
      word ??= ''
    } else if (!quoted && /\s/.test(one)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else word = (word ?? '') + one
  }
  return word === undefined ? found : [...found, word]
}
