import t from 'tap'
import { variableName } from '../src/environment.ts'
import { type KeySchema, schemaTree, settableKeys } from '../src/keys.ts'
import { configurationReference } from '../src/reference.ts'
import { problemsOf, settingsOf } from './reading.ts'

const page = configurationReference()

/** Every key of the schema with its path, `[]` for entries of a list. */
function* keys(schema: KeySchema, path: string): Generator<[string, KeySchema]> {
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    const here = path === '' ? name : `${path}.${name}`
    yield [here, below]
    yield* keys(below, here)
    yield* keys(below.items ?? {}, `${here}[]`)
  }
}

const all = [...keys(schemaTree(), '')]
const inSections = all.filter(([path]) => path.includes('.'))

t.test('the example is a whole double hop without a problem', async (t) => {
  const example = /```yaml\n(.*?)```/s.exec(page)?.[1] ?? ''
  t.strictSame(problemsOf(t, example), [])
  t.strictSame(
    Object.keys(settingsOf(t, example)).sort(),
    Object.keys(schemaTree().properties ?? {}).sort(),
  )
})

t.test('each key says what it means, and nobody has to know a schema for it', async (t) => {
  for (const [path, { description = '' }] of all) {
    t.match(description, /^[^\s.].*[^\s.]$/, path)
    t.notMatch(description, /\n/, path)
  }
  t.notMatch(page, /undefined|object Object|anyOf|enum|\binteger\b|\bstring\b/)
})

t.test('each key has one row, with its variable if one can set it', async (t) => {
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('| `') && line.split(' | ').length === 5)
  t.strictSame(
    rows.map((row) => row.split('`')[1]),
    inSections.map(([path]) => path),
  )
  for (const { path } of settableKeys()) {
    const row = rows.find((one) => one.startsWith(`| \`${path.join('.')}\` |`))
    t.ok(row?.endsWith(` | \`${variableName(path)}\` |`), path.join('.'))
  }
  t.equal(rows.filter((row) => row.includes('`DOUBLEHOP_')).length, settableKeys().length)
})

t.test('each type that a table names is explained', async (t) => {
  const explained = page.split('## Kinds of values')[1]?.split('## Example')[0] ?? ''
  const titles = inSections.flatMap(([, { title, items }]) => [title ?? '', items?.title ?? ''])
  const used = new Set(titles.filter((title) => title !== ''))
  t.ok(used.size > 10)
  for (const title of used) t.ok(explained.includes(`| ${title} | `), title)
})

t.test('a row tells what is required, what is the default and what is possible', async (t) => {
  const rows = [
    '| `gateway.listen` | IP address:port | *required* | the one TLS port: SOCKS5, CGP and HTTP are told apart by their first byte (*restart*) | `DOUBLEHOP_GATEWAY_LISTEN` |',
    '| `gateway.redeemAt` | `gateway` or `proxy` | `gateway` | who asks the STA about the ticket | `DOUBLEHOP_GATEWAY_REDEEM_AT` |',
    '| `gateway.nextHops` | list of groups, at least 1 | *required* | proxies in order of preference | `DOUBLEHOP_GATEWAY_NEXT_HOPS` |',
    '| `gateway.nextHops[].secure` | `on` or `off` | `on` | SOCKS over mutual TLS, or over plain TCP (warned of) |  |',
    '| `gateway.limits.idle` | duration or off | `off` | a session without a byte either way | `DOUBLEHOP_GATEWAY_LIMITS_IDLE` |',
    '| `proxy.destinations.ports` | list of whole numbers, 1 to 65535 | – | ports that may be dialled | `DOUBLEHOP_PROXY_DESTINATIONS_PORTS` |',
    '| `proxy.grants.keys` | list of secrets, at most 2 | – | 32 bytes base64url each; the first mints, both are taken (rotation) | `DOUBLEHOP_PROXY_GRANTS_KEYS` |',
    '| `proxy.allowLoopback` | `true` or `false` | `false` | 127.0.0.0/8 and ::1 may be dialled (lab only) | `DOUBLEHOP_PROXY_ALLOW_LOOPBACK` |',
  ]
  for (const row of rows) t.ok(page.includes(`\n${row}\n`), row)
})
