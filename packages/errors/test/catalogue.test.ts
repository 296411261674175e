import t from 'tap'
import { type Code, catalogue, type Entry } from '../src/catalogue.ts'
import { Fault } from '../src/fault.ts'

const entries = Object.entries(catalogue) as [Code, Entry][]

t.test('every code is a stable name', async (t) => {
  for (const [code] of entries) t.match(code, /^DH(_[A-Z]+)+$/)
})

t.test(
  'every text says something, on one line, and asks only for values that have names',
  async (t) => {
    for (const [code, { message, action }] of entries) {
      for (const text of [message, action]) {
        t.match(text, /^[^\s.].*[^\s.]$/, `${code}: ${text}`)
        t.notMatch(text.replaceAll(/\{[a-z]+\}/g, ''), /[{}\n\r]/, code)
      }
      t.not(message, action, code)
    }
  },
)

t.test('no two codes tell the same', async (t) => {
  const messages = entries.map(([, { message }]) => message)
  t.same(
    messages.filter((message, at) => messages.indexOf(message) !== at),
    [],
  )
})

t.test('every value that a text asks for is filled in', async (t) => {
  for (const [code, { message, action }] of entries) {
    const names = [...`${message} ${action}`.matchAll(/\{(\w+)\}/g)].map(
      ([, name]) => name as string,
    )
    const details = Object.fromEntries(names.map((name, at) => [name, `value${at}of${name}`]))
    const fault = new Fault(code, details)
    const told = `${fault.message} ${fault.action}`
    t.notMatch(told, /[{}]|\?$/, code)
    for (const value of Object.values(details)) t.ok(told.includes(value), `${code}: ${value}`)
  }
})

t.test(
  'whoever is at fault can act: configuration and command line are never the fault of the network',
  async (t) => {
    for (const [code, { class: kind, fault }] of entries) {
      if (kind === 'configuration') t.equal(fault, 'configuration', code)
      if (kind === 'usage') t.equal(fault, 'peer', code)
      if (code === 'DH_INTERNAL') t.equal(fault, 'ours', code)
    }
  },
)
