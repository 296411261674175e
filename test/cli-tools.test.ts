import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Ended } from './kit/foreign.ts'
import { run } from './kit/foreign.ts'
import { temporaryFolder } from './kit/house.ts'
import { doublehop } from './kit/lab.ts'
import { noteSecrets } from './kit/secrets.ts'
import { missing } from './kit/tools.ts'

t.test('certs lays out the lab’s certificates, and keeps them the next time', async (t) => {
  const folder = join(temporaryFolder(), 'certs')
  const first = await command(t, 'certs', folder)
  noteSecrets(folder)
  t.equal(first.code, 0)
  const made = linesOf(first).map((line) => /^made {2}.*\/certs\/(\S+)$/.exec(line)?.[1] ?? line)
  t.same(
    made.filter((file) => !existsSync(join(folder, file))),
    [],
  )
  t.ok(
    made.includes('ca/ca.crt') &&
      made.includes('gateway/tls.key') &&
      made.includes('workspace/token'),
  )
  t.same(
    readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort(),
    ['ca', 'gateway', 'proxy', 'sta', 'storefront', 'vda', 'workspace'],
  )

  const second = await command(t, 'certs', folder)
  t.same(
    linesOf(second)
      .map((line) => line.replace(/^kept {2}.*\/certs\//, ''))
      .sort(),
    made.toSorted(),
  )
})

const VDA = `vda:
  apps:
    - name: echo
      kind: echo
      listenCgp: 127.0.0.1:0
`

t.test('config check takes a file that is right', async (t) => {
  const file = written(VDA)
  const { code, stdout, stderr } = await command(t, 'config', 'check', file)
  t.same([code, String(stdout), stderr], [0, `${file} is right: vda\n`, ''])
})

t.test('config check names every problem with file and line', async (t) => {
  const file = written(VDA.replace('kind: echo', 'kind: parrot').replace('listenCgp', 'listenCpg'))
  const { code, stdout, stderr } = await command(t, 'config', 'check', file)
  t.same([code, String(stdout)], [78, ''])
  const lines = stderr.trimEnd().split('\n')
  t.ok(
    lines.some((line) => line.startsWith(`${file}:4: vda.apps[0].kind: expected echo or `)),
    stderr,
  )
  t.ok(
    lines.some((line) =>
      line.startsWith(`${file}:5: vda.apps[0].listenCpg: no such key; did you mean listenCgp?`),
    ),
    stderr,
  )
})

t.test('config check of no YAML and of no file fails the same way', async (t) => {
  const file = written('vda:\n  apps: [\n')
  const broken = await command(t, 'config', 'check', file)
  t.equal(broken.code, 78)
  t.match(broken.stderr, new RegExp(`^${file}:\\d+: `))
  const none = await command(t, 'config', 'check', '/no/such/file.yaml')
  t.equal(none.code, 78)
  t.match(
    none.stderr,
    /^doublehop: \/no\/such\/file\.yaml cannot be read: .*\n {2}DH_CONFIG_FILE · /,
  )
})

t.test('config schema is a JSON Schema of all sections', async (t) => {
  const schema = JSON.parse(String((await command(t, 'config', 'schema')).stdout)) as {
    properties: object
  }
  t.match(schema, {
    $schema: /^https:\/\/json-schema\.org\//,
    type: 'object',
    additionalProperties: false,
  })
  t.same(Object.keys(schema.properties), [
    'zones',
    'network',
    'gateway',
    'proxy',
    'storefront',
    'sta',
    'vda',
    'workspace',
  ])
})

const COMPLETIONS: readonly (readonly [typed: string, offered: string])[] = [
  ['doublehop la', 'launch'],
  ['doublehop s', 'sessions storefront sta'],
  ['doublehop config ', 'check schema --help'],
  ['doublehop config ch', 'check'],
  ['doublehop launch --st', '--state --steps'],
  ['doublehop launch --app echo --ste', '--steps'],
  ['doublehop launch file.ica --pro', '--protocol'],
  ['doublehop gateway --con', '--config'],
]

t.test('completion bash completes in bash', { skip: missing('bash') }, async (t) => {
  const { stdout } = await command(t, 'completion', 'bash')
  const script = String(stdout)
  const ask = ([typed]: (typeof COMPLETIONS)[number]) => {
    const words = typed.split(' ')
    const list = words.map((word) => `'${word}'`).join(' ')
    return `COMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _doublehop; echo "\${COMPREPLY[@]}"`
  }
  const asked = await run(t, 'bash', ['-c', [script, ...COMPLETIONS.map(ask)].join('\n')])
  t.equal(asked.stderr, '')
  const answers = String(asked.stdout).trimEnd().split('\n')
  for (const [index, [typed, offered]] of COMPLETIONS.entries())
    t.same(answers[index]?.split(' ').sort(), offered.split(' ').sort(), typed)
})

t.test('completion is there for zsh and fish too, and for nothing else', async (t) => {
  t.match(
    String((await command(t, 'completion', 'zsh')).stdout),
    /^autoload -U \+X bashcompinit && bashcompinit\n_doublehop\(\)/,
  )
  t.match(
    String((await command(t, 'completion', 'fish')).stdout),
    /^complete -c doublehop .* -a launch$/m,
  )
  const { code, stderr } = await command(t, 'completion', 'tcsh')
  t.equal(code, 2)
  t.match(stderr, /completion is there for bash, zsh and fish, not tcsh/)
})

t.test('help is no failure', async (t) => {
  for (const args of [
    ['help'],
    ['--help'],
    ['-h'],
    ['launch', '--help'],
    ['help', 'launch'],
    ['--version'],
    ['-V'],
  ]) {
    const { code, stdout, stderr } = await command(t, ...args)
    t.same([code, stderr], [0, ''], args.join(' '))
    t.match(
      String(stdout),
      args.includes('launch') ? /^Usage: doublehop launch / : /^(Usage: doublehop |\d+\.\d+\.\d+)/,
    )
  }
})

t.test('wrong usage is told on standard error, with exit code 2', async (t) => {
  const wrong: readonly (readonly [args: readonly string[], told: RegExp])[] = [
    [[], /^Usage: doublehop /],
    [['luanch'], /unknown command 'luanch'[\s\S]*\(Did you mean launch\?\)/],
    [['launch', '--colour'], /unknown option '--colour'/],
    [['ticket'], /required option '--app <name>' not specified/],
    [
      ['launch', '--app', 'echo', '--port', '80'],
      /'80' is invalid.*Allowed choices are 2598, 1494/,
    ],
    [['up', '--app', 'nonsense'], /Expected NAME=address:port/],
    [['config', 'check'], /missing required argument 'file'/],
    [['vda', '--set', 'nonsense'], /--set wants path=value/],
    [['sessions', '--admin', 'nonsense'], /--admin wants address:port, not nonsense/],
  ]
  for (const [args, told] of wrong) {
    const { code, stdout, stderr } = await command(t, ...args)
    t.same([code, String(stdout)], [2, ''], args.join(' '))
    t.match(stderr, told)
  }
})

t.test('the command is found in the workspace by its name', async (t) => {
  const { status, stdout } = spawnSync('npx', ['--no-install', 'doublehop', '--version'], {
    cwd: join(import.meta.dirname, '..'),
    encoding: 'utf8',
  })
  t.same([status, stdout], [0, '0.1.0\n'])
})

function command(t: Test, ...args: readonly string[]): Promise<Ended> {
  const program = doublehop(t, args)
  program.hush()
  return program.ended
}

function linesOf({ stdout }: Ended): string[] {
  return String(stdout).trimEnd().split('\n')
}

function written(text: string): string {
  const file = join(temporaryFolder(), 'doublehop.yaml')
  writeFileSync(file, text)
  return file
}

t.test('config check says what is allowed and yet looks wrong', async (t) => {
  const file = join(temporaryFolder(), 'doublehop.yaml')
  const stas = (id: string) => `  stas: [{ id: ${id}, urls: ["https://10.3.0.5:8080"] }]\n`
  const identity = '  identity: { certificate: a.crt, key: a.key, ca: ca.crt }\n'
  const gateway = `gateway:\n  listen: 0.0.0.0:443\n  tls: { certificate: a.crt, key: a.key }\n${identity}${stas('STA01')}  nextHops: [{ name: proxy, address: "10.2.0.5:1080" }]\n`
  const proxy = `proxy:\n  listen: 0.0.0.0:1080\n${identity}${stas('STA02')}  grants: { keys: [file:grant.key] }\n`
  writeFileSync(file, gateway + proxy)
  const { code, stdout } = await doublehop(t, ['config', 'check', file]).ended
  t.equal(code, 0)
  t.match(String(stdout), /^warning: proxy\.stas differs from gateway\.stas: /m)
})
