import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { SECRETS_FILE } from '../kit/secrets.ts'

/** What must stand in no log and in nothing that was printed, whoever wrote it; in the group, what is secret of it. */
const SHAPES: Readonly<Record<string, RegExp>> = {
  'a whole ticket': /;\d\d;STA\w{1,13};([0-9A-F]{30}(?:[0-9A-F]{2})?)/g,
  'the digits of a ticket': /(?<![0-9A-Za-z])([0-9A-F]{30}(?:[0-9A-F]{2})?)(?![0-9A-Za-z])/g,
  'a grant': /(?<![\w-])([\w-]{120})(?![\w-])/g,
  'a private key': /(-----BEGIN [A-Z ]*PRIVATE KEY-----)/g,
}

const output = process.env.DOUBLEHOP_TEST_OUTPUT

t.test('a planted secret would be found', async (t) => {
  const hex = randomBytes(16).toString('hex').toUpperCase()
  const key = randomBytes(32).toString('base64url')
  const planted: readonly (readonly [what: string, text: string])[] = [
    ['a whole ticket', `{"ticket":";40;STA01;${hex}"}`],
    ['a whole ticket', `;42;STA01;${hex.slice(2)};STA02;${hex}`],
    ['the digits of a ticket', `<Ticket>${hex}</Ticket>`],
    ['the digits of a ticket', `ticket=${hex.slice(2)}`],
    ['a grant', `{"password":"${randomBytes(90).toString('base64url')}"}`],
    ['a private key', '-----BEGIN EC PRIVATE KEY-----'],
    ['a secret of this run', `"x-citrix-xmlservicekey":"${key}"`],
    ['a secret of this run', `--token=x${key}x`],
  ]
  for (const [what, text] of planted) {
    const found = leaksIn(`one line\nand ${text} in another`, new Set([key]))
    t.ok(
      found.some((leak) => leak.what === what && leak.line === 2),
      `${what} is found`,
    )
  }
  const sections = `# Subtest: packages/wire/a.test.ts\n${hex}\nok 1 - packages/wire/a.test.ts\n${hex}\n`
  t.match(leaksIn(withoutSamples(sections), new Set()), [{ line: 4 }], 'behind the samples too')
  const harmless = `{"session":"${hex.toLowerCase()}","ticket":";40;STA01;${hex.slice(0, 4)}…","sha256":"${hex}${hex}"}`
  t.same(leaksIn(harmless, new Set([key])), [])
})

t.test(
  'no secret stands in what the tests printed or the daemons logged',
  { skip: output === undefined && 'npm test sets DOUBLEHOP_TEST_OUTPUT' },
  async (t) => {
    const folder = output ?? ''
    const secrets = secretsOf(folder)
    const files = searched(folder)
    const leaks = files.flatMap((file) => {
      const text = readFileSync(file, 'utf8')
      const found = leaksIn(file.endsWith('output.txt') ? withoutSamples(text) : text, secrets)
      return found.map((leak) => ({ file: relative(folder, file), ...leak }))
    })
    t.same(leaks, [])
    const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0)
    t.comment(`${files.length} files, ${bytes} bytes, ${secrets.size} secrets`)
    t.ok(bytes > 0 && files.some((file) => file.endsWith('output.txt')))
  },
)

/** A secret and where it stands; the secret itself is told to nobody. */
interface Leak {
  readonly what: string
  readonly line: number
}

function leaksIn(text: string, secrets: ReadonlySet<string>): Leak[] {
  return text.split('\n').flatMap((line, index) => {
    const shapes = Object.entries(SHAPES).flatMap(([what, shape]) =>
      [...line.matchAll(shape)].some(([, secret = '']) => !isRepetition(secret)) ? [what] : [],
    )
    const known = holdsOneOf(secrets, line) ? ['a secret of this run'] : []
    return [...shapes, ...known].map((what) => ({ what, line: index + 1 }))
  })
}

/** Made up by a test: chance repeats nothing so long. */
function isRepetition(text: string): boolean {
  return /^(.+?)\1+$/.test(text)
}

/**
 * The tests of `wire` name their cases after the samples they read. No daemon runs there and nothing is random, so what
 * tap prints of them is left out.
 */
function withoutSamples(printed: string): string {
  const begin = /^# Subtest: packages\/wire\//
  const end = /^(?:not )?ok \d+ - packages\/wire\//
  let within = false
  const kept = printed.split('\n').map((line) => {
    within = begin.test(line) || (within && !end.test(line))
    return within ? '' : line
  })
  return kept.join('\n')
}

/** Keys and tokens are 43 characters of base64url; other such characters may stand right beside one. */
function holdsOneOf(secrets: ReadonlySet<string>, line: string): boolean {
  const runs = line.match(/[\w-]{43,}/g) ?? []
  return runs.some((run) =>
    Array.from({ length: run.length - 42 }, (_, at) => run.slice(at, at + 43)).some((piece) =>
      secrets.has(piece),
    ),
  )
}

/** Keys and tokens that this run has made. */
function secretsOf(folder: string): Set<string> {
  const file = join(folder, SECRETS_FILE)
  if (!existsSync(file)) return new Set()
  return new Set(
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== ''),
  )
}

function searched(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== SECRETS_FILE)
    .map((entry) => join(entry.parentPath, entry.name))
}
