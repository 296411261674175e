import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const packages = readdirSync(join(root, 'packages')).toSorted()
const rules = readTable(readFileSync(join(root, 'docs/architecture.md'), 'utf8'))

/** Programs that stand alone and meet only on sockets: those with a command of their own, doublehop-NAME. */
const daemons = packages.filter((name) =>
  existsSync(join(root, 'packages', name, 'bin', `doublehop-${name}.ts`)),
)

t.test('each package has a row in docs/architecture.md, and each row a package', async (t) => {
  t.same([...rules.keys()].toSorted(), packages)
  t.ok(daemons.length >= 5, `among them the daemons ${daemons.join(', ')}`)
})

t.test(
  'the table is in the order in which things are built: a row names only packages above it',
  async (t) => {
    const above = new Set<string>()
    for (const [name, allowed] of rules) {
      t.same(
        [...allowed].filter((other) => !above.has(other)),
        [],
        name,
      )
      above.add(name)
    }
  },
)

for (const name of packages) {
  t.test(`${name} imports what its row allows, and its package.json says the same`, async (t) => {
    const imported = importsOf(name)
    const ours = new Set(
      [...imported.keys()].flatMap(
        (specifier) => /^@doublehop\/([^/]+)/.exec(specifier)?.[1] ?? [],
      ),
    )
    for (const other of ours) {
      t.ok(
        rules.get(name)?.has(other),
        `${other}, imported in ${filesWith(imported, `@doublehop/${other}`)}`,
      )
    }
    const wanted = [...imported.keys()]
      .filter((specifier) => !specifier.startsWith('.') && !isBuiltin(specifier))
      .map(packageOf)
    const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8'))
    t.same(Object.keys(manifest.dependencies ?? {}).toSorted(), [...new Set(wanted)].toSorted())
    t.equal(manifest.name, `@doublehop/${name}`)
  })
}

t.test('no package reaches into the folder of another', async (t) => {
  for (const name of packages) {
    for (const [specifier, files] of importsOf(name)) {
      if (!specifier.startsWith('.')) continue
      for (const file of files) {
        const target = join(root, file, '..', specifier)
        t.ok(target.startsWith(join(root, 'packages', name, '/')), `${file}: ${specifier}`)
        t.ok(existsSync(target), `${file}: ${specifier} is there`)
      }
    }
  }
})

t.test('no daemon imports another', async (t) => {
  for (const name of daemons) {
    const others = daemons.filter(
      (other) =>
        other !== name &&
        [...importsOf(name).keys()].some((specifier) =>
          specifier.startsWith(`@doublehop/${other}/`),
        ),
    )
    t.same(others, [], name)
  }
})

t.test(
  'wire has no way to a socket, a clock or a file: of Node only hashes and HMAC, of npm only saxes',
  async (t) => {
    const outside = [...importsOf('wire').keys()].filter(
      (specifier) => !/^(\.|@doublehop\/errors\/)/.test(specifier),
    )
    t.same(outside.toSorted(), ['node:crypto', 'saxes'])
    for (const file of sourcesOf('wire')) {
      const text = readFileSync(join(root, file), 'utf8')
      const [, names = ''] = /import \{([^}]*)\} from 'node:crypto'/.exec(text) ?? []
      for (const name of names
        .split(',')
        .map((one) => one.trim())
        .filter(Boolean)) {
        t.ok(['createHash', 'createHmac', 'timingSafeEqual'].includes(name), `${file}: ${name}`)
      }
      t.notMatch(
        withoutComments(text),
        /\b(Date\.now|new Date|performance|setTimeout|setInterval|setImmediate|process|Buffer|fetch|require|globalThis|crypto\.)\b/,
        file,
      )
    }
  },
)

t.test('pki knows nothing of ours, and nobody but the lab makes certificates', async (t) => {
  t.same(
    [...importsOf('pki').keys()].filter((specifier) => specifier.startsWith('@doublehop/')),
    [],
  )
  const makers = packages.filter((name) =>
    [...importsOf(name).keys()].some((specifier) =>
      /^(@doublehop\/pki\/|node-forge)/.test(specifier),
    ),
  )
  t.same(makers, ['cli', 'pki'])
})

t.test(
  'only the authority, where tickets are kept, and daemon, where spent ones are, know Redis',
  async (t) => {
    t.same(
      packages.filter((name) => importsOf(name).has('ioredis')),
      ['authority', 'daemon'],
    )
  },
)

/** Package name → those it may import, from the table with the columns package, is, may import. */
function readTable(page: string): Map<string, Set<string>> {
  const lines = page.split('\n')
  const head = lines.findIndex((line) =>
    /^\|\s*package\s*\|\s*is\s*\|\s*may import\s*\|$/.test(line),
  )
  if (head < 0) throw new Error('docs/architecture.md has no table: package | is | may import')
  const end = lines.findIndex((line, at) => at > head && !line.startsWith('|'))
  return new Map(
    lines.slice(head + 2, end).map((line) => {
      const [name = '', , allowed = ''] = line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim())
      const names = allowed === '–' ? [] : allowed.split(',').map((one) => one.trim())
      for (const one of names)
        if (!packages.includes(one))
          throw new Error(`${name} may import ${one}, which is no package`)
      return [name.replaceAll('`', ''), new Set(names)]
    }),
  )
}

/** `import … from 'x'`, `export … from 'x'`, `import 'x'` and `import('x')`. */
const IMPORT =
  /(?:^(?:import|export)\s[\w\s{},*$]*?\bfrom\s*|^import\s*|\bimport\(\s*)['"]([^'"\n]+)['"]/gm

/** Every import of a package's src and bin: specifier → files. Type imports count: they are walls too. */
function importsOf(name: string): Map<string, string[]> {
  const imports = new Map<string, string[]>()
  for (const file of sourcesOf(name)) {
    const text = withoutComments(readFileSync(join(root, file), 'utf8'))
    for (const [, specifier = ''] of text.matchAll(IMPORT)) {
      if (specifier.startsWith(`@doublehop/${name}/`)) continue // its commands call it by its name
      imports.set(specifier, [...(imports.get(specifier) ?? []), file])
    }
  }
  return imports
}

function sourcesOf(name: string): string[] {
  return globSync(`packages/${name}/{src,bin}/**/*.{ts,mts,js,mjs}`, { cwd: root }).toSorted()
}

function filesWith(imports: Map<string, string[]>, start: string): string {
  return [...imports]
    .flatMap(([specifier, files]) => (specifier.startsWith(`${start}/`) ? files : []))
    .join(', ')
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Block comments and lines that are comments: examples in them are no imports. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '')
}
