/** Reads what the report's page says, as far as tests ask. */

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

/** The section of this name, or nothing. */
export function section(page: string, id: string): string {
  const sections = page.match(/<section .*?<\/section>/gs) ?? []
  return sections.find((one) => one.includes(`aria-labelledby="${id}"`)) ?? ''
}

/** Markup as a reader sees it: on one line. */
export function textOf(markup: string): string {
  return decoded(markup.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
}

/** The values of an attribute, in order. */
export function attributes(markup: string, name: string): string[] {
  return [...markup.matchAll(new RegExp(`<[^>]* ${name}="([^"]*)"`, 'g'))].map(([, value = '']) =>
    decoded(value),
  )
}

function decoded(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity)
}
