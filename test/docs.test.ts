import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Code, catalogue, type Entry } from '@doublehop/errors/catalogue'
import { Fault } from '@doublehop/errors/fault'
import { CLASSES, errorReference } from '@doublehop/errors/reference'
import { replyTo as replyOfGateway } from '@doublehop/gateway/refuse'
import { replyTo as replyOfProxy } from '@doublehop/proxy/refuse'
import { configurationReference } from '@doublehop/settings/reference'
import t from 'tap'

const docs = join(import.meta.dirname, '..', 'docs')
const read = (name: string) => readFileSync(join(docs, name), 'utf8')

t.test('docs/configuration.md is what the schema says', async (t) => {
  t.equal(read('configuration.md'), configurationReference(), 'made anew by: npm run docs')
})

t.test('docs/errors.md is what the catalogue says', async (t) => {
  t.equal(read('errors.md'), errorReference(), 'made anew by: npm run docs')
})

t.test('every code has one row of docs/errors.md', async (t) => {
  const page = errorReference()
  for (const [code, { class: kind, fault }] of Object.entries<Entry>(catalogue)) {
    const rows = page
      .split('\n')
      .filter((line) => line.startsWith(`| \`${code}\` | ${kind} | ${fault} | `))
    t.equal(rows.length, 1, code)
  }
})

t.test('the replies in docs/errors.md are those of gateway and proxy', async (t) => {
  for (const [code, { class: kind }] of Object.entries<Entry>(catalogue) as [Code, Entry][]) {
    const fault = new Fault(code, {})
    t.equal(CLASSES[kind].gateway, replyOfGateway(fault), `gateway: ${code}`)
    t.equal(CLASSES[kind].proxy, replyOfProxy(fault), `proxy: ${code}`)
  }
})
