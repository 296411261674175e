import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { child, type Element, readXml, writeElement } from '../src/xml.ts'
import * as arbitrary from './arbitraries.ts'
import { cpuTime } from './cpu.ts'
import { holds, throwsOnlyFaults } from './property.ts'

const DTD = { root: 'Root', system: 'Some.dtd' }
const read = (text: string) => readXml(text, DTD)

t.test('elements, attributes and text are read', async (t) => {
  const root = read(
    '<?xml version="1.0" encoding="UTF-8"?>\n<Root a="1" b=\'"\'>x<B>y</B>z<B/></Root>\n',
  )
  t.equal(root.name, 'Root')
  t.same({ ...root.attributes }, { a: '1', b: '"' })
  t.equal(root.text, 'xz', 'the text of an element, without that of its children')
  t.same(
    root.children.map(({ name, text }) => [name, text]),
    [
      ['B', 'y'],
      ['B', ''],
    ],
  )
  t.equal(child(root, 'B')?.text, 'y', 'the first child of a name')
  t.equal(child(root, 'C'), undefined)
  t.equal(child(undefined, 'C'), undefined)
})

t.test('references to characters and the five entities of XML are text', async (t) => {
  t.equal(read('<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;&#13;</a>').text, '<&>"\'A😀\r')
})

t.test('bare line ends are folded, as XML wants it', async (t) => {
  t.equal(read('<a>1\r\n2\r3\n4</a>').text, '1\n2\n3\n4')
})

t.test('CDATA is text like any other, comments are nothing', async (t) => {
  t.equal(read('<a>1<![CDATA[<b>&amp;]]>2<!-- 3 -->4</a>').text, '1<b>&amp;24')
})

t.test('a byte order mark before the document is skipped', async (t) => {
  t.equal(read('\ufeff<?xml version="1.0"?><a/>').name, 'a')
})

t.test('names that objects have of themselves are names like others', async (t) => {
  const root = read('<a __proto__="1" constructor="2" toString="3"><__proto__/><constructor/></a>')
  t.same(Object.entries(root.attributes), [
    ['__proto__', '1'],
    ['constructor', '2'],
    ['toString', '3'],
  ])
  t.equal(child(root, 'constructor')?.name, 'constructor')
  t.equal(read('<a/>').attributes.constructor, undefined)
})

const doctype = '<!DOCTYPE Root SYSTEM "Some.dtd">'

t.test('the one DOCTYPE line may stand before the root, and is never followed', async (t) => {
  const good = [
    doctype,
    "<!DOCTYPE Root SYSTEM 'Some.dtd'>",
    '<!DOCTYPE\n  Root\tSYSTEM  "Some.dtd" >',
  ]
  for (const line of good) t.equal(read(`<?xml version="1.0"?>${line}<Root/>`).name, 'Root', line)
})

const refused = {
  'an internal subset': '<!DOCTYPE Root SYSTEM "Some.dtd" [<!ENTITY x "y">]><Root>&x;</Root>',
  'an internal subset alone': '<!DOCTYPE Root [<!ENTITY x "y">]><Root/>',
  'an empty internal subset': '<!DOCTYPE Root SYSTEM "Some.dtd" []><Root/>',
  'a parameter entity': '<!DOCTYPE Root [<!ENTITY % x SYSTEM "http://127.0.0.1/"> %x;]><Root/>',
  'a billion laughs': `<!DOCTYPE Root [<!ENTITY a "ha"><!ENTITY b "${'&a;'.repeat(10)}">]><Root>&b;</Root>`,
  'a DTD elsewhere': '<!DOCTYPE Root SYSTEM "http://127.0.0.1/Some.dtd"><Root/>',
  'a DTD of a similar name': '<!DOCTYPE Root SYSTEM "Some-dtd"><Root/>',
  'a public DTD': '<!DOCTYPE Root PUBLIC "-//x" "Some.dtd"><Root/>',
  'a DOCTYPE of another root': '<!DOCTYPE Other SYSTEM "Some.dtd"><Other/>',
  'a DOCTYPE without a DTD': '<!DOCTYPE Root><Root/>',
  'a second DOCTYPE': `${doctype}${doctype}<Root/>`,
  'a DOCTYPE behind the root': `<Root/>${doctype}`,
  'a DOCTYPE in the root': `<Root>${doctype}</Root>`,
  'an entity that nobody declared': '<a>&nbsp;</a>',
  'an entity named as a property of objects': '<a>&constructor;&toString;</a>',
  'an entity in an attribute': '<a b="&x;"/>',
  'a bare ampersand': '<a>a & b</a>',
  'a reference to no character': '<a>&#0;</a>',
  'a reference to half a character': '<a>&#xD800;</a>',
  'a reference beyond Unicode': '<a>&#x110000;</a>',
  'a second byte order mark': '\ufeff\ufeff<a/>',
  'a control character by reference': '<a>&#1;</a>',
  'a control character by reference in XML 1.1': '<?xml version="1.1"?><a>&#1;</a>',
  'a processing instruction before the root': '<?x y?><a/>',
  'a processing instruction in the root': '<a><?x?></a>',
  'a processing instruction behind the root': '<a/><?x?>',
  'a second XML declaration': '<?xml version="1.0"?><?xml version="1.0"?><a/>',
  'a late XML declaration': ' <?xml version="1.0"?><a/>',
  'a zero byte': '<a>\0</a>',
  'half a character': '<a>\ud800</a>',
  'a non-character': '<a>\uffff</a>',
  nothing: '',
  'only space': ' \n',
  'only a declaration': '<?xml version="1.0"?>',
  'only a DOCTYPE': doctype,
  'text before the root': 'x<a/>',
  'text behind the root': '<a/>x',
  'two roots': '<a/><b/>',
  'a tag that is never closed': '<a><b></b>',
  'a tag that is closed too often': '<a></a></a>',
  'crossed tags': '<a><b></a></b>',
  'a cut tag': '<a',
  'a cut comment': '<a><!-- ',
  'a cut CDATA': '<a><![CDATA[x',
  'an attribute twice': '<a b="1" b="2"/>',
  'an attribute without quotes': '<a b=1/>',
  'an attribute without a value': '<a b/>',
  'an attribute that holds a tag': '<a b="<"/>',
  'the end of CDATA in text': '<a>]]></a>',
  'two hyphens in a comment': '<a><!-- -- --></a>',
  'a name that is none': '<1/>',
}
for (const [what, document] of Object.entries(refused)) {
  t.test(`${what} is refused`, async (t) => {
    t.throws(() => read(document), { code: 'DH_XML' })
  })
}

const nested = (levels: number) => '<a>'.repeat(levels) + '</a>'.repeat(levels)

t.test('16 levels are read, 17 are not', async (t) => {
  t.ok(read(nested(16)))
  t.throws(() => read(nested(17)), { code: 'DH_XML', message: /16 levels/ })
})

t.test('2000 elements are read, 2001 are not', async (t) => {
  t.equal(read(`<a>${'<b/>'.repeat(1999)}</a>`).children.length, 1999)
  t.throws(() => read(`<a>${'<b/>'.repeat(2000)}</a>`), {
    code: 'DH_XML',
    message: /2000 elements/,
  })
})

t.test('200,000 levels are refused at once', async (t) => {
  for (const document of [nested(200_000), '<a>'.repeat(200_000), '<a><!-- '.repeat(200_000)]) {
    t.ok(cpuTime(() => t.throws(() => read(document), { code: 'DH_XML' })) < 1000)
  }
})

t.test('64 KiB of anything are read or refused at once', async (t) => {
  const fill = (piece: string, around: [string, string]) =>
    around[0] + piece.repeat((65_536 - around.join('').length) / piece.length) + around[1]
  const attributes = Array.from({ length: 6900 }, (_, at) => ` a${at}=""`).join('')
  const documents = {
    text: fill('x', ['<a>', '</a>']),
    references: fill('&#10;', ['<a>', '</a>']),
    'references in an attribute': fill('&amp;', ['<a b="', '"/>']),
    'empty elements': fill('<b/>', ['<a>', '</a>']),
    comments: fill('<!---->', ['<a>', '</a>']),
    'CDATA sections': fill('<![CDATA[]]>', ['<a>', '</a>']),
    brackets: fill(']', ['<a><![CDATA[', ']]></a>']),
    attributes: `<a${attributes}/>`,
    'one name': fill('a', ['<', '/>']),
    'one attribute name': fill('a', ['<a ', '=""/>']),
    'one entity name': fill('a', ['<a>&', ';</a>']),
    'one reference': fill('0', ['<a>&#', '65;</a>']),
    'space in the DOCTYPE': fill(' ', ['<!DOCTYPE Root', 'SYSTEM "Some.dtd"><Root/>']),
    'space in an unfinished DOCTYPE': fill(' ', ['<!DOCTYPE Root SYSTEM', '><Root/>']),
    'an internal subset': fill('<!ENTITY a "b">', ['<!DOCTYPE Root [', ']><Root/>']),
    'quotes in the DOCTYPE': fill('""', ['<!DOCTYPE Root ', '><Root/>']),
    'openings in the internal subset': fill('<', ['<!DOCTYPE Root [', ']><Root/>']),
    'space before the root': fill('\r\n', ['<?xml version="1.0"?>', '<a/>']),
    'open brackets': fill('<', ['', '']),
  }
  for (const [what, document] of Object.entries(documents)) {
    t.ok(document.length > 58_000 && document.length <= 65_536, `${what}: ${document.length}`)
    const spent = cpuTime(() => {
      try {
        read(document)
      } catch (caught) {
        t.match(caught, { code: 'DH_XML' })
      }
    })
    t.ok(spent < 1000, `${what}: at once`)
  }
})

t.test('what is written as text never turns into markup', async (t) => {
  t.equal(
    writeElement('a', { b: '"<&>\'\r\n\t' }, '<c/>&amp;').markup,
    '<a b="&#34;&#60;&#38;&#62;&#39;&#13;&#10;&#9;">&#60;c/&#62;&#38;amp;</a>',
  )
  t.equal(writeElement('a', {}, writeElement('b', {}, 'c'), 'd').markup, '<a><b>c</b>d</a>')
  t.equal(writeElement('a', {}).markup, '<a></a>')
})

holds<[string, string, string]>(
  t,
  'text and attributes that are written read the same',
  [arbitrary.xmlText, arbitrary.xmlText, arbitrary.xmlText],
  (attribute, inner, outer) => {
    const { markup } = writeElement('a', { attribute }, outer, writeElement('b', {}, inner))
    const root: Element = read(markup)
    assert.equal(root.attributes.attribute, attribute)
    assert.equal(root.text, outer)
    assert.equal(child(root, 'b')?.text, inner)
  },
  { runs: 3000 },
)

const snippet = fc.constantFrom(
  ...[
    '<a>',
    '</a>',
    '<a/>',
    '<Root>',
    '</Root>',
    '<',
    '>',
    '&',
    ';',
    '&amp;',
    '&#',
    'x',
    '"',
    "'",
    '=',
    ' ',
    ']]>',
  ],
  ...[
    '<!--',
    '-->',
    '<![CDATA[',
    '<?',
    '?>',
    '<?xml version="1.0"?>',
    doctype,
    '<!DOCTYPE ',
    '[',
    ']',
    '\ufeff',
    '\0',
  ],
)
const soup = fc.array(snippet, { maxLength: 12 }).map((pieces) => pieces.join(''))
throwsOnlyFaults(
  t,
  'no text makes the reader of XML throw anything but a Fault',
  fc.oneof(
    soup,
    soup.map((inner) => `<a>${inner}</a>`),
    arbitrary.wildText(),
  ),
  read,
)
