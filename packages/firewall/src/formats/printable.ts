/** What moves a cursor, ends a line, turns the direction of text, or cannot be seen. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu

/** Text of others as one line that does nothing but stand there: `·` for whatever would do more. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '·')
}

/**
 * JSON in which nothing but printable characters and its own line ends stand as they are; every parser reads the same
 * from it. Its strings are strings of YAML too.
 *
 * @param indent spaces a level; left out, all on one line
 */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replace(UNPRINTABLE, (character) =>
    character === '\n' ? character : escaped(character),
  )
}

/** One or two UTF-16 code units, as JSON writes them. */
function escaped(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`,
  ).join('')
}
