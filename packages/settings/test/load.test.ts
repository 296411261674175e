import { isFault } from '@doublehop/errors/fault'
import fc from 'fast-check'
import t from 'tap'
import { schemaTree } from '../src/keys.ts'
import { loadSettings, sectionOf } from '../src/load.ts'
import { changed, sections, smallest } from './examples.ts'
import { fileWith, read } from './reading.ts'

/** The message of the fault with this code that ends an action. */
function faultOf(code: 'DH_CONFIG' | 'DH_CONFIG_FILE', action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (isFault(error, code)) return error.message
    throw error
  }
  throw new Error(`it ended without ${code}`)
}

t.test('who cannot go on without settings gets them', async (t) => {
  const { workspace } = loadSettings(fileWith(t, smallest.workspace), [], {})
  t.strictSame(workspace, { gateway: { host: 'gateway.example', port: 443 } })
})

t.test('or a fault that tells the first problem, and how to see the others', async (t) => {
  const file = fileWith(t, 'workspace:\n  gatway: a:1\n')
  t.equal(
    faultOf('DH_CONFIG', () => loadSettings(file, [], {})),
    `${file}:2: workspace.gatway: no such key; did you mean gateway? (and 1 more: doublehop config check ${file})`,
  )
  const one = fileWith(t, 'workspace:\n  gateway: nowhere\n')
  t.equal(
    faultOf('DH_CONFIG', () => loadSettings(one, [], {})),
    `${one}:2: workspace.gateway: expected address:port, an IPv6 address in brackets`,
  )
})

t.test('overrides and environment count there too', async (t) => {
  const file = fileWith(t, smallest.workspace)
  const { workspace } = loadSettings(file, [{ path: ['workspace', 'serverName'], value: 'b' }], {
    DOUBLEHOP_WORKSPACE_GATEWAY: 'a:1',
  })
  t.match(workspace, { gateway: { host: 'a' }, serverName: 'b' })
})

t.test('an override that says not where it comes from is told with the file', async (t) => {
  const file = fileWith(t, smallest.workspace)
  const wrong = [{ path: ['workspace', 'gateway'], value: 'a' }]
  t.match(
    faultOf('DH_CONFIG', () => loadSettings(file, wrong, {})),
    `${file}:3: workspace.gateway: `,
  )
})

t.test('the environment of this process counts when no other is given', async (t) => {
  t.intercept(process, 'env', { value: { DOUBLEHOP_WORKSPACE_SERVER_NAME: 'from.example' } })
  t.equal(loadSettings(fileWith(t, smallest.workspace)).workspace?.serverName, 'from.example')
})

t.test('a daemon without its section is told so', async (t) => {
  const file = fileWith(t, smallest.workspace)
  const settings = loadSettings(file, [], {})
  t.equal(sectionOf(settings, 'workspace', file).gateway.port, 443)
  t.equal(
    faultOf('DH_CONFIG', () => sectionOf(settings, 'gateway', file)),
    `${file}: gateway: the section is missing`,
  )
})

t.test('a file that is not there is a fault', async (t) => {
  t.equal(
    faultOf('DH_CONFIG_FILE', () => loadSettings('/nowhere.yaml', [], {})),
    '/nowhere.yaml cannot be read: ENOENT',
  )
})

// Property tests: whatever a file says, it is read or told what is wrong; nothing else is ever thrown.
const RUNS = { seed: 1, numRuns: 300 }
const words = fc.constantFrom(
  ...Object.values(smallest)
    .join(' ')
    .split(/([\s:,[\]{}"])/),
  '&a',
  '*a',
  '!x',
  '|',
  '>',
  '?',
  '-',
  '%YAML 1.1',
  '---',
  '...',
  '\t',
  '\r',
  '\0',
  '__proto__',
  '<<',
)

t.test('any pieces of a configuration in any order are read or refused', async (t) => {
  fc.assert(
    fc.property(fc.array(words, { maxLength: 60 }), (pieces) => {
      const { settings, problems } = read(t, pieces.join(''))
      return (settings === undefined) !== (problems === undefined)
    }),
    RUNS,
  )
})

t.test('any bytes are read or refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const { settings, problems } = read(t, Buffer.from(bytes))
      return (settings === undefined) !== (problems === undefined)
    }),
    RUNS,
  )
})

t.test('any value at any key of a right file is read or refused', async (t) => {
  const place = fc.constantFrom(
    ...sections.flatMap((section) =>
      Object.keys(schemaTree().properties?.[section]?.properties ?? {}).map(
        (key) => [section, key] as const,
      ),
    ),
  )
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.constantFrom('0 s', '1 KiB', '[::1]:0', 'off', 'file:x', 'env:X', 'memory', 'https://a:1'),
  )
  fc.assert(
    fc.property(place, value, ([section, key], wrong) => {
      const { problems } = read(t, changed(section, { [key]: wrong }))
      return (
        problems === undefined ||
        problems.every(
          ({ file, path, why }) =>
            file !== '' && path !== '' && why !== '' && !why.startsWith('Invalid'),
        )
      )
    }),
    RUNS,
  )
})
