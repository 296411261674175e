import type { Beacon } from './beacon.ts'

const DTD = '<!DOCTYPE CtxSTAProtocol SYSTEM "CtxSTA.dtd">'
const MEBIBYTE = 2 ** 20

/**
 * Documents that no reader of ours may accept, made around a good one: each would lead to what the good one asks for
 * if a reader were lenient.
 *
 * @param good a message of an STA, with its DOCTYPE line
 */
export function xmlBombs(good: string, { url, file }: Beacon): Readonly<Record<string, Buffer>> {
  const inner = good.slice(good.indexOf('<CtxSTAProtocol'))
  const declaring = (subset: string): string => `<!DOCTYPE CtxSTAProtocol ${subset}>${inner}`
  const using = (entity: string): string =>
    inner.replace('</CtxSTAProtocol>', `${entity}</CtxSTAProtocol>`)
  const laughs = Array.from({ length: 9 }, (_, at) =>
    at === 0 ? '<!ENTITY e0 "ha">' : `<!ENTITY e${at} "${`&e${at - 1};`.repeat(10)}">`,
  )
  const levels = 200_000
  const texts: Record<string, string> = {
    'a billion laughs': `<!DOCTYPE CtxSTAProtocol [${laughs.join('')}]>${using('&e8;')}`,
    'a blow-up of one long entity': `<!DOCTYPE CtxSTAProtocol [<!ENTITY e "${'x'.repeat(20_000)}">]>${using('&e;'.repeat(10_000))}`,
    'entities in a ring': `<!DOCTYPE CtxSTAProtocol [<!ENTITY a "&b;"><!ENTITY b "&a;">]>${using('&a;')}`,
    'parameter entities': declaring('[<!ENTITY % a "<!ENTITY b \'x\'>"> %a;]'),
    'an external entity of the network': `<!DOCTYPE CtxSTAProtocol [<!ENTITY e SYSTEM "${url}">]>${using('&e;')}`,
    'an external entity of a file': `<!DOCTYPE CtxSTAProtocol [<!ENTITY e SYSTEM "file://${file}">]>${using('&e;')}`,
    'an external parameter entity': declaring(`[<!ENTITY % e SYSTEM "${url}"> %e;]`),
    'an external DTD of the network': declaring(`SYSTEM "${url}"`),
    'an external DTD of a file': declaring(`SYSTEM "${file}"`),
    'a public DTD': declaring(`PUBLIC "-//x//y" "${url}"`),
    'an internal subset beside the DTD': declaring('SYSTEM "CtxSTA.dtd" [<!ELEMENT a ANY>]'),
    'a stylesheet': `<?xml-stylesheet href="${url}"?>${inner}`,
    'an inclusion': using(`<?include ${url}?>`),
    'two DOCTYPEs': DTD + good.slice(good.indexOf('<!DOCTYPE')),
    '200,000 levels': '<CtxSTAProtocol>'.repeat(levels) + '</CtxSTAProtocol>'.repeat(levels),
    '200,000 levels without an end': '<a>'.repeat(levels),
    '10 MiB of text': using('x'.repeat(10 * MEBIBYTE)),
    '10 MiB of attributes': inner.replace(
      '<CtxSTAProtocol',
      `<CtxSTAProtocol a="${'x'.repeat(10 * MEBIBYTE)}"`,
    ),
    '10 MiB before the root': '<!--x-->'.repeat((10 * MEBIBYTE) / 8) + inner,
    'a NUL in the text': using('\0'),
    'NULs behind it': `${inner}${'\0'.repeat(16)}`,
    'a byte order mark in the middle of nowhere': `<a>\ufeff${inner}`,
    'two byte order marks': `\ufeff\ufeff${inner}`,
    'a declaration of XML 1.1 that lets controls in': `<?xml version="1.1"?>${using('&#1;')}`,
  }
  const utf8 = Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)] as const)
  const withBytes = (hex: string): Buffer =>
    Buffer.concat([
      Buffer.from(inner.replace('</CtxSTAProtocol>', '')),
      Buffer.from(hex, 'hex'),
      Buffer.from('</CtxSTAProtocol>'),
    ])
  return {
    ...Object.fromEntries(utf8),
    'an overlong character': withBytes('c0bc'),
    'half a pair in UTF-8': withBytes('eda080'),
    'a byte that is never UTF-8': withBytes('ff'),
    'a character cut short': withBytes('f09f98'),
    'UTF-16, little end first': Buffer.from(`\ufeff${good}`, 'utf16le'),
    'UTF-16, big end first': Buffer.from(`\ufeff${good}`, 'utf16le').swap16(),
    'UTF-16 without a mark': Buffer.from(good, 'utf16le'),
    'UTF-7': Buffer.from(`<?xml version="1.0" encoding="UTF-7"?>+ADw-CtxSTAProtocol/+AD4-`),
    'the mark of UTF-32': Buffer.concat([Buffer.from('0000feff', 'hex'), Buffer.from(inner)]),
  }
}
