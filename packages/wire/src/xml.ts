import { fault } from '@doublehop/errors/fault'
import { SaxesParser } from 'saxes'

/**
 * A small strict reader over saxes for the documents of the STA: elements, attributes, text. Everything else that
 * XML can do (entities, an internal DTD, processing instructions, great depth) is refused, so a
 * document costs no more than its bytes.
 */

export interface Element {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly Element[]
  /** all character data directly in this element, joined */
  readonly text: string
}

interface OpenElement extends Element {
  readonly children: Element[]
  text: string
}

const DEEPEST = 16
const MOST_ELEMENTS = 2000

/**
 * Reads a document.
 *
 * @param text bounded by the caller; one byte order mark before it is skipped
 * @param dtd the only DOCTYPE line that may stand before the root: its name and its system identifier
 * @throws Fault DH_XML
 */
export function readXml(text: string, dtd: { root: string; system: string }): Element {
  // 1.1 would let control characters in, which no document of ours could give back
  const parser = new SaxesParser({ xmlns: false, defaultXMLVersion: '1.0', forceXMLVersion: true })
  const open: OpenElement[] = []
  let root: Element | undefined
  let elements = 0
  let doctypes = 0
  const refuse = (why: string): never => {
    throw fault('DH_XML', { why })
  }

  parser.on('error', (error) => refuse(error.message))
  parser.on('processinginstruction', () => refuse('a processing instruction'))
  parser.on('doctype', (doctype) => {
    if (++doctypes > 1) refuse('a second DOCTYPE')
    const form = new RegExp(
      `^\\s*${dtd.root}\\s+SYSTEM\\s+(["'])${dtd.system.replace('.', '\\.')}\\1\\s*$`,
    )
    if (!form.test(doctype)) refuse(`a DOCTYPE other than ${dtd.root} SYSTEM "${dtd.system}"`)
  })
  parser.on('opentag', ({ name, attributes }) => {
    if (open.length >= DEEPEST) refuse(`more than ${DEEPEST} levels`)
    if (++elements > MOST_ELEMENTS) refuse(`more than ${MOST_ELEMENTS} elements`)
    const element: OpenElement = { name, attributes, children: [], text: '' }
    open.at(-1)?.children.push(element)
    root ??= element
    open.push(element)
  })
  parser.on('closetag', () => {
    open.pop()
  })
  const characters = (data: string) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += data
  }
  parser.on('text', characters)
  parser.on('cdata', characters)

  parser.write(text).close()
  return root ?? refuse('no root element')
}

/** The first child of that name. */
export function child(element: Element | undefined, name: string): Element | undefined {
  return element?.children.find((one) => one.name === name)
}

/** An element as text; strings among the content are escaped, elements (already text) come from here. */
export function writeElement(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...content: readonly (string | Markup)[]
): Markup {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(value)}"`)
  const inner = content.map((piece) =>
    typeof piece === 'string' ? escapeText(piece) : piece.markup,
  )
  return { markup: `<${name}${written.join('')}>${inner.join('')}</${name}>` }
}

/** Text that is already XML, so that nothing is escaped twice or not at all. */
export interface Markup {
  readonly markup: string
}

/** Line ends are written as references, since a reader folds bare ones. */
function escapeText(text: string): string {
  return text.replace(/[&<>"'\r\n\t]/g, (character) => `&#${character.charCodeAt(0)};`)
}
