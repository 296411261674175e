import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { gatewaySection } from '@doublehop/settings/gateway'
import { proxySection } from '@doublehop/settings/proxy'
import { staSection } from '@doublehop/settings/sta'
import { storefrontSection } from '@doublehop/settings/storefront'
import { vdaSection } from '@doublehop/settings/vda'
import t, { type Test } from 'tap'
import { run } from '../kit/foreign.ts'
import { temporaryFolder } from '../kit/house.ts'
import { missing } from '../kit/tools.ts'

const ROOT = join(import.meta.dirname, '../..')
const UNITS = globSync('packaging/systemd/doublehop-*.*', { cwd: ROOT }).map((file) =>
  join(ROOT, file),
)
/** Where the units expect the repository. */
const HOME = '/opt/doublehop'
/** How exposed `systemd-analyze security` may find a daemon, of 10; what is left is the network and the compiler. */
const EXPOSURE_PERCENT = 15

const SECTIONS = {
  gateway: gatewaySection,
  proxy: proxySection,
  storefront: storefrontSection,
  sta: staSection,
  vda: vdaSection,
}
const DAEMONS = Object.keys(SECTIONS) as (keyof typeof SECTIONS)[]

const skip = missing('systemd-analyze')

t.same(
  UNITS.map((file) => basename(file)).toSorted(),
  DAEMONS.flatMap((name) => [`doublehop-${name}.service`, `doublehop-${name}.socket`]).toSorted(),
  'every daemon has its service and its socket',
)

t.test('systemd-analyze verify has nothing to say about the units', { skip }, async (t) => {
  const { code, stdout, stderr } = await verify(t, installed())
  t.same([code, String(stdout), stderr], [0, '', ''])
})

t.test('and names what is wrong with one', { skip }, async (t) => {
  for (const [right, wrong, told] of [
    ['NoNewPrivileges=', 'NoNewPrivilges=', /Unknown key.*'NoNewPrivilges'/],
    ['ExecStart=/', 'ExecStart=/missing', /not executable/],
    ['Requires=doublehop-', 'Requires=doublehop-missing-', /doublehop-missing-gateway\.socket/],
  ] as const) {
    const units = installed()
    const unit = units.find((file) => file.endsWith('gateway.service')) ?? ''
    writeFileSync(unit, readFileSync(unit, 'utf8').replace(right, wrong))
    const { code, stdout, stderr } = await verify(t, [unit])
    t.match(`${stdout}${stderr}`, told)
    t.ok(code !== 0 || stderr !== '', wrong)
  }
})

for (const name of DAEMONS) {
  t.test(`the ${name} is hardly exposed`, { skip }, async (t) => {
    const unit = join(ROOT, `packaging/systemd/doublehop-${name}.service`)
    const threshold = `--threshold=${EXPOSURE_PERCENT}`
    const args = ['security', '--offline=true', '--no-pager', threshold, unit]
    const { code, stdout } = await run(t, 'systemd-analyze', args)
    const [, exposure] = /Overall exposure level for \S+: ([\d.]+)/.exec(String(stdout)) ?? []
    t.equal(code, 0, `${exposure} of 10`)
    t.match(String(stdout), /✓ (?:CapabilityBoundingSet|NoNewPrivileges)/)
  })

  t.test(`the ${name} is given the time that its drain may take`, async (t) => {
    const { TimeoutStopSec } = serviceOf(name)
    const { drainTimeout } = SECTIONS[name]('/').shape
    t.ok(Number.parseInt(TimeoutStopSec ?? '', 10) * 1000 > drainTimeout.parse(undefined))
  })

  t.test(
    `the ${name} runs as its own user, reloads by SIGHUP and is not tried twice with a bad file`,
    async (t) => {
      t.match(serviceOf(name), {
        User: `doublehop-${name}`,
        ExecReload: '/bin/kill -HUP $MAINPID',
        Restart: 'on-failure',
        RestartPreventExitStatus: '78',
      })
      t.match(
        readFileSync(join(ROOT, 'packaging/systemd/sysusers.conf'), 'utf8'),
        new RegExp(`^u doublehop-${name} - `, 'm'),
      )
    },
  )

  t.test(`what starts the ${name} is in the repository`, async (t) => {
    const [node, doublehop, command] = serviceOf(name).ExecStart?.split(' ') ?? []
    t.equal(node, `${HOME}/node_modules/.bin/node`)
    t.doesNotThrow(() => readFileSync((doublehop ?? '').replace(HOME, ROOT)))
    t.equal(command, name)
  })
}

/** The keys of a service's unit; of one that stands there twice the last. */
function serviceOf(name: string): Record<string, string> {
  const text = readFileSync(join(ROOT, `packaging/systemd/doublehop-${name}.service`), 'utf8')
  return Object.fromEntries(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
  )
}

/** Copies of the units whose repository is a folder of this test, with a Node to start. */
function installed(): string[] {
  const folder = temporaryFolder()
  const node = join(folder, 'node_modules/.bin/node')
  mkdirSync(dirname(node), { recursive: true })
  writeFileSync(node, '#!/bin/sh\n')
  chmodSync(node, 0o755)
  return UNITS.map((file) => {
    const copy = join(folder, basename(file))
    writeFileSync(copy, readFileSync(file, 'utf8').replaceAll(HOME, folder))
    return copy
  })
}

function verify(t: Test, units: readonly string[]) {
  return run(t, 'systemd-analyze', ['verify', ...units])
}
