import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { prefixInto } from '@doublehop/cli/lab/isolated/enter'
import { runInside } from '@doublehop/cli/lab/isolated/run-inside'
import { routerOf } from '@doublehop/cli/lab/isolated/topology'
import { STEPS } from '@doublehop/daemon/steps'
import { FIREWALLS } from '@doublehop/firewall/flows/paths'
import t from 'tap'
import { IsolatedLab } from '../kit/isolated-lab.ts'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { Lab } from '../kit/lab.ts'
import { until } from '../kit/wait.ts'

t.test('doublehop up --isolate netns', { skip: cannotIsolate() }, async (t) => {
  const lab = await IsolatedLab.up(t)

  t.test('every daemon stands in its zone', async (t) => {
    const { gateway, proxy, storefront, sta, vda } = lab.line
    t.same(
      [gateway, proxy, storefront, sta, vda].map(({ host }) => host),
      ['10.2.0.2', '10.3.0.2', '10.3.0.3', '10.4.0.2', '10.4.0.3'],
    )
    t.same(
      [gateway, proxy, storefront, sta, vda].map(({ admin }) => admin.split(':')[0]),
      Array.from({ length: 5 }, () => '127.0.0.1'),
    )
  })

  t.test('a launch from the internet takes nine steps through both hops', async (t) => {
    const { code, stdout, stderr } = await lab.run(
      ['launch', '--app', 'echo', '--steps'],
      'hello\n',
    )
    t.same([code, String(stdout)], [0, 'hello\n'], stderr)
    const steps = [...stderr.matchAll(/^ {2}(\d) (\S+) .* ms$/gm)].map(
      ([, n, name]) => `${n} ${name}`,
    )
    t.same(
      steps,
      STEPS.map((name, index) => `${index + 1} ${name}`),
    )
    t.match(stderr, / dial +proxy → vda +10\.4\.0\.3:2598 /)
  })

  t.test('apps, ticket and a launch with that ticket go the same way', async (t) => {
    t.match(String((await lab.run(['apps'])).stdout), /^echo +2598, 1494/m)
    const ticket = String((await lab.run(['ticket', '--app', 'echo'])).stdout).trim()
    const { code, stdout } = await lab.run(['launch', '--ticket', ticket], 'by ticket\n')
    t.same([code, String(stdout)], [0, 'by ticket\n'])
  })

  t.test('health asks each daemon on its own host', async (t) => {
    const ready = ['gateway', 'proxy', 'storefront', 'sta', 'vda'].map((name) => `${name}: ready\n`)
    const { code } = await until(
      () => lab.run(['health']),
      ({ stdout }) => String(stdout) === ready.join(''),
      20_000,
    )
    t.equal(code, 0)
  })

  t.test('sessions shows where a launch came from, and --from says where', async (t) => {
    for (const [from, address] of [
      [[], '198.51.100.10'],
      [['--from', 'lan'], '10.5.0.10'],
    ] as const) {
      const session = lab.start('launch', '--app', 'echo', ...from)
      session.say('held\n')
      t.equal(String(await session.readThrough('\n')), 'held\n')
      const shown = JSON.parse(String((await lab.run(['sessions', '--json'])).stdout)) as Record<
        'gateway' | 'proxy',
        { sessions: { peer: string; server?: string }[] }
      >
      t.match(shown.gateway.sessions[0]?.peer, new RegExp(`^${address}:\\d+$`))
      t.match(shown.proxy.sessions, [{ peer: /^10\.2\.0\.2:/, server: '10.4.0.3:2598' }])
      session.hush()
      t.equal((await session.ended).code, 0)
    }
  })

  t.test('forward listens on this host, for any client of it', async (t) => {
    const forward = lab.start('forward', '--app', 'echo', '--listen', '0', '--json')
    const { port } = JSON.parse(String(await forward.readThrough('\n'))) as { port: number }
    const clients = ['one', 'two'].map(async (word) => {
      const client = connect({ host: '127.0.0.1', port })
      client.end(word)
      return String(await buffer(client))
    })
    t.same(await Promise.all(clients), ['one', 'two'])
    const { code } = await forward.stop('SIGINT')
    t.equal(code, 0)
    t.match(forward.stderr, /closed: client-closed, 3 bytes up, 3 down/)
  })

  t.test('a forward that was killed takes its process inside along', async () => {
    const forward = lab.start('forward', '--app', 'echo', '--listen', '0', '--json')
    const { port } = JSON.parse(String(await forward.readThrough('\n'))) as { port: number }
    forward.signal('SIGKILL')
    await until(
      () =>
        new Promise<string>((resolve) =>
          connect({ host: '127.0.0.1', port })
            .once('connect', () => resolve('connected'))
            .once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? '')),
        ),
      (became) => became === 'ECONNREFUSED',
    )
  })

  t.test(
    'a rule that is taken away ends what is open and stops launches, until reset',
    async (t) => {
      const session = lab.start('launch', '--app', 'echo')
      session.say('held\n')
      await session.readThrough('\n')
      const dropped = await lab.run(['firewall', 'drop', 'gateway-proxy-1080'])
      t.equal(
        String(dropped.stdout),
        'firewall 2: drops gateway-proxy-1080, tcp 10.2.0.2 → 10.3.0.2:1080\n',
      )
      t.equal((await session.ended).code, 1)
      const { code, stderr } = await lab.run(['launch', '--app', 'echo'], 'hello\n')
      t.equal(code, 1)
      t.match(stderr, /firewall/, 'it says what that looks like')

      const reset = await lab.run(['firewall', 'reset'])
      t.match(String(reset.stdout), /^each firewall has the rules of the configuration again/)
      t.equal((await lab.run(['launch', '--app', 'echo'], 'hello\n')).code, 0)
    },
  )

  t.test('firewall show prints what each one has loaded', async (t) => {
    const { code, stdout } = await lab.run(['firewall', 'show'])
    t.equal(code, 0)
    const parts = String(stdout).split(/^# firewall \d$/m)
    t.equal(parts.length, 4)
    for (const [number, rule] of [
      [1, 'ip daddr 10.2.0.2 tcp dport 443'],
      [2, 'ip saddr 10.2.0.2 ip daddr 10.3.0.2 tcp dport 1080'],
      [3, 'ip saddr 10.3.0.2 ip daddr 10.4.0.3 tcp dport 2598'],
    ] as const)
      t.match(parts[number], `${rule} ct state new counter packets`)
  })

  t.test('firewall leak, idle-timeout, mtu and reject say and load it, until reset', async (t) => {
    const firewall = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await lab.run(['firewall', ...args])
      t.equal(code, 0, stderr)
      return String(stdout)
    }
    /** What each firewall has loaded, whatever its counters say. */
    const loaded = async (): Promise<string[]> => {
      const shown = await firewall('show')
      const still = shown.replaceAll(/ packets \d+ bytes \d+/g, '')
      return still.split(/^# firewall \d$/m).slice(1)
    }
    const idle = () =>
      Promise.all(
        FIREWALLS.map((one) =>
          runInside(prefixInto(routerOf(one), lab.line.isolation), [
            'cat',
            '/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established',
          ]),
        ),
      )
    const before = [await loaded(), await idle()]

    t.equal(
      await firewall('leak', 'gateway-vda-2598'),
      'firewalls 2 and 3: lets through gateway-vda-2598, tcp 10.2.0.2 → 10.4.0.3:2598\n',
    )
    t.equal(
      await firewall('idle-timeout', '20'),
      'each firewall forgets connections that are silent for 20 s, the open ones from their next packet on\n',
    )
    t.same(await idle(), ['20\n', '20\n', '20\n'])
    t.equal(
      await firewall('mtu', '1400', '--firewall', '2'),
      'firewall 2 loses packets of more than 1400 bytes, and tells nobody\n',
    )
    t.equal(
      await firewall('reject', 'gateway-proxy-1080', '--as', 'tcp-reset'),
      'firewall 2: refuses gateway-proxy-1080, tcp 10.2.0.2 → 10.3.0.2:1080\n',
    )

    const now = await loaded()
    const having = (rule: string) =>
      FIREWALLS.filter((_, index) => now[index]?.includes(`${rule}"\n`))
    const leak = 'ip saddr 10.2.0.2 ip daddr 10.4.0.3 tcp dport 2598 ct state new counter accept'
    t.same(having(`${leak} comment "gateway-vda-2598: leak`), [2, 3])
    t.same(having('meta length > 1400 drop comment "hole mtu: ours'), [2])
    const refusal = 'tcp dport 1080 ct state new counter reject with tcp reset'
    t.same(having(`${refusal} comment "gateway-proxy-1080: rejected`), [2])

    await firewall('reset')
    t.same([await loaded(), await idle()], before, 'nothing of it is left')
  })

  t.test('what no firewall can do is one clear fault', async (t) => {
    for (const [args, complaint] of [
      [
        ['drop', 'gatway-proxy-1080'],
        /no flow gatway-proxy-1080; did you mean gateway-proxy-1080\?\n {2}DH_FW_FLOW/,
      ],
      [['drop', 'gateway-vda-2598'], /firewalls 2 and 3 have no rule for gateway-vda-2598/],
      [['leak', 'gateway-vda-2598', '--firewall', '1'], /passes firewalls 2 and 3, not 1/],
      [['mtu', 'small'], /Expected a whole number/],
    ] as const) {
      const { code, stdout, stderr } = await lab.run(['firewall', ...args])
      t.same([code, String(stdout)], [2, ''], args.join(' '))
      t.match(stderr, complaint)
    }
  })

  t.test('Ctrl-C lets sessions end, and leaves nothing', async (t) => {
    const { code } = await lab.program.stop('SIGINT')
    t.equal(code, 0)
    t.same(lab.mark.survivors, [])
    const { code: late, stderr } = await lab.run(['launch', '--app', 'echo'])
    t.not(late, 0)
    t.match(stderr, /^doublehop: /)
  })
})

t.test('a lab on loopback has no firewalls, and no zone to start from', async (t) => {
  const lab = await Lab.up(t)
  for (const args of [
    ['firewall', 'show'],
    ['launch', '--app', 'echo', '--from', 'lan'],
  ]) {
    const { code, stderr } = await lab.run(args)
    t.equal(code, 2)
    t.match(stderr, /has no firewalls: .*\n {2}DH_LAB_NOT_ISOLATED · /)
  }
})
