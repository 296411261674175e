import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { bytesOf } from '@doublehop/wire/text'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { runBin } from './kit/daemon-process.ts'
import type { Ended } from './kit/foreign.ts'
import { House, type Kind, temporaryFolder } from './kit/house.ts'
import { HouseOfProcesses } from './kit/house-of-processes.ts'
import { doublehop } from './kit/lab.ts'
import { exchange } from './kit/session.ts'

const DAEMONS: readonly Kind[] = ['gateway', 'proxy', 'storefront', 'sta', 'vda']
const certificates = new House(t)

for (const daemon of DAEMONS) {
  t.test(`doublehop-${daemon} --help says how it is run`, async (t) => {
    const { code, stdout, stderr } = await runBin(t, daemon, ['--help']).ended
    t.same([code, stderr], [0, ''])
    t.match(
      String(stdout),
      new RegExp(`^doublehop-${daemon} \\[--config FILE\\] \\[--set path=value …\\]\n`),
    )
  })

  t.test(`doublehop-${daemon} without its file ends with 78 and one clear line`, async (t) => {
    const { code, stdout, stderr } = await runBin(t, daemon, ['--config', 'missing.yaml']).ended
    t.same([code, String(stdout)], [78, ''])
    t.same(stderr.split('\n'), [
      `doublehop ${daemon}: missing.yaml cannot be read: ENOENT`,
      '  DH_CONFIG_FILE · name an existing doublehop.yaml with --config',
      '',
    ])
  })
}

t.test('a daemon takes neither unknown flags nor arguments', async (t) => {
  for (const args of [['--colour'], ['vda.yaml'], ['--set', 'nonsense']]) {
    const { code, stdout, stderr } = await runBin(t, 'vda', args).ended
    t.not(code, 0)
    t.equal(String(stdout), '')
    t.match(stderr, /^doublehop vda: .*\n {2}DH_USAGE · see doublehop help\n$/)
  }
})

const VDA = { apps: [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }] }

for (const [what, daemon, section, told] of [
  [
    'another daemon’s file',
    'sta',
    { vda: VDA },
    /^doublehop sta: .*doublehop\.yaml: sta: the section is missing\n {2}DH_CONFIG · /,
  ],
  [
    'a mistyped key',
    'vda',
    { vda: { ...VDA, adminn: '127.0.0.1:0' } },
    /^doublehop vda: .*doublehop\.yaml:1: vda\.adminn: no such key; did you mean admin\?\n/,
  ],
  [
    'an admin listener for everybody',
    'vda',
    { vda: { ...VDA, admin: '0.0.0.0:0' } },
    /: vda\.admin: expected a loopback address/,
  ],
  [
    'a log folder that cannot be',
    'vda',
    { vda: { ...VDA, log: { file: '/dev/null/vda.log' } } },
    /log\.file/,
  ],
] as const) {
  t.test(`${what} is a wrong configuration`, async (t) => {
    const { code, stdout, stderr } = await runBin(t, daemon, ['--config', written(section)]).ended
    t.same([code, String(stdout)], [78, ''])
    t.match(stderr, told)
    t.equal(stderr.trimEnd().split('\n').length, 2)
  })
}

t.test(
  'a secret, a certificate or a port that is not to be had is a wrong configuration too',
  async (t) => {
    const { port } = await occupied(t)
    const wrong: readonly (readonly [change: object, told: RegExp])[] = [
      [{ serviceKey: 'file:no/such.key' }, /DH_CONFIG_SECRET/],
      [{ serviceKey: 'env:NO_SUCH_VARIABLE' }, /DH_CONFIG_SECRET/],
      [
        { identity: { ...certificates.identity('sta'), key: 'certs/proxy/tls.key' } },
        /DH_CERTIFICATE/,
      ],
      [
        { identity: { ...certificates.identity('sta'), certificate: 'no/such.crt' } },
        /DH_CERTIFICATE/,
      ],
      [
        { listen: `127.0.0.1:${port}` },
        new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port}: the port is taken\n {2}DH_LISTEN`),
      ],
    ]
    for (const [change, told] of wrong) {
      const sta = {
        authorityId: 'STA01',
        listen: '127.0.0.1:0',
        identity: certificates.identity('sta'),
        serviceKey: 'file:certs/sta/service.key',
        ...change,
      }
      const { code, stderr } = await runBin(t, 'sta', [
        '--config',
        written({ sta }, certificates.folder),
      ]).ended
      t.equal(code, 78, Object.keys(change)[0] ?? '')
      t.match(stderr, told)
      t.notMatch(stderr, certificates.read('sta/service.key'))
    }
  },
)

t.test('flags override the environment, which overrides the file', async (t) => {
  const file = written({ vda: { ...VDA, name: 'from-file' } })
  const nameOf = async (env: Record<string, string>, ...args: string[]): Promise<string> => {
    const program = doublehop(t, ['vda', '--config', file, ...args], { env, logged: true })
    const { daemon } = JSON.parse(String(await program.readThrough('\n'))) as { daemon: string }
    await program.stop()
    return daemon
  }
  const env = { DOUBLEHOP_VDA_NAME: 'from-environment' }
  t.equal(await nameOf({}), 'from-file')
  t.equal(await nameOf(env), 'from-environment')
  t.equal(await nameOf(env, '--set', 'vda.name=from-flag'), 'from-flag')
})

for (const by of ['its own command', 'doublehop'] as const) {
  t.test(`five processes, each started by ${by}, launch`, async (t) => {
    const house = new HouseOfProcesses(t, DAEMONS, by)
    const { access, ticket } = await house.doubleHop()
    const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
    t.same(await exchange(leg, bytesOf('hello')), bytesOf('hello'))
    const ended = await Promise.all(DAEMONS.map((daemon) => house.program(daemon).stop()))
    t.same(
      ended.map(({ code }: Ended) => code),
      [0, 0, 0, 0, 0],
    )
    for (const { stderr } of ended) t.equal(stderr, '')
  })
}

/** A `doublehop.yaml` that says this. */
function written(settings: object, folder: string = temporaryFolder()): string {
  const file = join(folder, 'doublehop.yaml')
  writeFileSync(file, JSON.stringify(settings))
  return file
}

async function occupied(t: Test): Promise<{ port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return server.address() as { port: number }
}
