import { createHash, randomBytes } from 'node:crypto'
import t from 'tap'
import { Dialler } from '../kit/isolated-dialler.ts'
import { cannotIsolate, IsolatedWorld } from '../kit/isolated-world.ts'
import { COMMAND } from '../kit/lab.ts'

t.test('an isolated lab on IPv6', { skip: cannotIsolate() }, async (t) => {
  const world = await IsolatedWorld.up(t, { family: 6 })
  const internet = ['launch', '--state', world.folder, '--app'] as const

  t.test('a launch takes nine steps through both hops', async (t) => {
    const { code, stdout, stderr } = await world.doublehop(
      'internet',
      ...internet,
      'echo',
      '--steps',
    )
    t.same([code, String(stdout)], [0, ''], stderr)
    t.match(stderr, /^ {2}9 splice /m)
    t.match(stderr, /\[2001:db8:4::3\]:2598/)
  })

  t.test('what must not work is silence, and a leak opens it', async (t) => {
    const gateway = await Dialler.at(world, 'gateway')
    // The first refusal comes while connect() still holds its socket, and only the next SYN learns of it.
    const bypass = () => gateway.dial(world.address('vda'), 1494, 3000)
    t.match(await bypass(), { became: 'silence' })
    await world.routers.leak('gateway-vda-1494')
    t.match(await bypass(), { became: 'open', said: '\x7f\x7fICA\0' })
    await world.routers.reject('gateway-vda-1494')
    t.match(await bypass(), { became: 'ECONNREFUSED' })
    await world.routers.reset()
  })

  t.test('neighbours are found anew, with the rules loaded', async (t) => {
    const hosts = ['gateway', 'proxy', 'firewall1', 'firewall2', 'firewall3', 'vda'] as const
    await Promise.all(hosts.map((host) => world.run(host, ['ip', '-6', 'neigh', 'flush', 'all'])))
    const proxy = await Dialler.at(world, 'proxy')
    t.match(await proxy.dial(world.address('vda'), 1494), { became: 'open' })
    const { stdout } = await world.run('firewall3', [
      'ip',
      '-6',
      'neigh',
      'show',
      'dev',
      'internal',
    ])
    t.match(String(stdout), /2001:db8:4::3 .*(REACHABLE|DELAY|STALE)/)
  })

  t.test('a narrow link tells who sends too much: packet too big passes back', async (t) => {
    await world.run('firewall3', ['ip', 'link', 'set', 'dmz2', 'mtu', '1300'])
    const bytes = randomBytes(300_000)
    const { code, stdout } = await world.run(
      'internet',
      [process.execPath, COMMAND, ...internet, 'echo'],
      bytes,
    )
    t.equal(code, 0)
    t.equal(digest(stdout), digest(bytes))
    const { stdout: routes } = await world.run('vda', ['ip', '-6', 'route', 'get', '2001:db8:3::2'])
    t.match(String(routes), / mtu 1300 /, 'the server has learned it from the router')
    await world.run('firewall3', ['ip', 'link', 'set', 'dmz2', 'mtu', '1500'])
  })
})

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
