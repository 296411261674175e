import { chmodSync } from 'node:fs'
import { IsolatedNetwork } from '@doublehop/cli/lab/isolated/network'
import { programPath } from '@doublehop/cli/lab/isolated/possible'
import { LAB_HOSTS, ROUTERS } from '@doublehop/cli/lab/isolated/topology'
import t from 'tap'
import { start } from '../kit/foreign.ts'
import { temporaryFolder } from '../kit/house.ts'
import { IsolatedLab } from '../kit/isolated-lab.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { COMMAND, doublehop } from '../kit/lab.ts'
import { Mark } from '../kit/survivors.ts'
import { missing } from '../kit/tools.ts'
import { until } from '../kit/wait.ts'

t.test('an isolated lab that was killed leaves nothing', { skip: cannotIsolate() }, async (t) => {
  const lab = await IsolatedLab.up(t)
  const session = lab.start('launch', '--app', 'echo')
  session.say('held\n')
  await session.readThrough('\n')
  t.ok(lab.mark.survivors.length > LAB_HOSTS.length + ROUTERS.length, 'it has processes')
  lab.program.signal('SIGKILL')
  await until(
    () => lab.mark.survivors,
    (left) => left.length === 0,
  )
  const { signal } = await session.ended
  t.equal(signal, 'SIGKILL', 'whoever was inside has ended, too')
  const { code, stderr } = await lab.run(['launch', '--app', 'echo'])
  t.equal(code, 2)
  t.match(stderr, /no lab is running here: its namespaces are gone/)
})

t.test('two isolated labs at once do not meet', { skip: cannotIsolate() }, async (t) => {
  const labs = await Promise.all([IsolatedLab.up(t), IsolatedLab.up(t, '--family', '6')])
  t.same(
    labs.map(({ line }) => line.gateway.host),
    ['10.2.0.2', '2001:db8:2::2'],
  )
  const launches = () =>
    Promise.all(labs.map(async (lab) => (await lab.run(['launch', '--app', 'echo'], 'hi\n')).code))
  t.same(await launches(), [0, 0])
  t.equal((await labs[0].run(['firewall', 'reject', 'proxy-vda-2598'])).code, 0)
  t.same(await launches(), [1, 0], 'a rule of one is none of the other')
  await labs[0].program.stop('SIGINT')
  t.same(labs[0].mark.survivors, [])
  t.equal((await labs[1].run(['health'])).code, 0)
})

t.test('what fails half-way leaves nothing', { skip: cannotIsolate() }, async (t) => {
  const mark = new Mark()
  Object.assign(process.env, mark.env)
  t.teardown(() => delete process.env.DOUBLEHOP_TEST_MARK)
  const rules = (firewall: number) => (firewall === 3 ? 'no rule\n' : 'table inet doublehop\n')
  await t.rejects(IsolatedNetwork.build(4, rules), {
    code: 'DH_LAB_ISOLATION',
    message: /nft -f -: .*syntax error/,
  })
  t.same(mark.survivors, [])

  const network = await IsolatedNetwork.build(6, () => 'table inet doublehop\n')
  t.equal(mark.survivors.length, LAB_HOSTS.length + ROUTERS.length + 1, 'and of a switch')
  await network.close()
  t.same(mark.survivors, [])
})

t.test('who is not root is told so', { skip: cannotIsolate('setpriv') }, async (t) => {
  const folder = temporaryFolder()
  chmodSync(folder, 0o777)
  const args = ['up', '--isolate', 'netns', '--state', folder, '--certs', `${folder}/certs`]
  const up = start(t, 'setpriv', [
    ...['--reuid', '65534', '--regid', '65534', '--clear-groups', '--'],
    ...[process.execPath, COMMAND, ...args],
  ])
  const { code, stdout, stderr } = await up.ended
  t.same([code, String(stdout)], [78, ''])
  t.match(
    stderr,
    /^doublehop: an isolated lab cannot stand here: only root makes network namespaces\n {2}DH_LAB_ISOLATION · .*\n$/,
  )
})

t.test('a real server cannot be published in a network of its own', async (t) => {
  const folder = temporaryFolder()
  const args = ['--isolate', 'netns', '--app', 'web=127.0.0.1:80', '--state', folder]
  const { code, stderr } = await doublehop(t, ['up', ...args, '--certs', `${folder}/certs`]).ended
  t.equal(code, 2)
  t.match(stderr, /reaches no server outside/)
})

t.test('a program that is not there is named', { skip: missing('sh') }, async (t) => {
  t.match(programPath('sh'), /\/sh$/)
  t.throws(() => programPath('no-such-program'), {
    code: 'DH_LAB_ISOLATION',
    message: /there is no program no-such-program/,
  })
})
