import { createHash, randomBytes } from 'node:crypto'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cleanCopy } from '../kit/clean-copy.ts'
import { ComposeProject } from '../kit/compose-project.ts'
import { DockerEngine, missingEngine, toItsEnd } from '../kit/docker-engine.ts'
import { until } from '../kit/wait.ts'
import { attempts, DAEMONS, EVERYBODY } from './paths.ts'

const ROOT = join(import.meta.dirname, '../..')
const COMMAND = join(ROOT, 'packages/cli/bin/doublehop.mjs')
const MEGABYTE = randomBytes(1_000_000)
/** Health is looked at every ten seconds, and three times in a row count. */
const TWO_MINUTES = 120_000

// An engine and a base image may have to be made first.
t.setTimeout(480_000)

t.test('docker compose', { skip: missingEngine() }, async (t) => {
  const engine = await DockerEngine.up(t)
  await engine.haveBase()
  const project = new ComposeProject(t, engine, cleanCopy(ROOT))
  const launch = (input: string | Uint8Array) =>
    project.workspace(['launch', '--app', 'echo'], input)
  const health = async (daemon: string) => {
    const { code, stdout } = await project.exec(daemon, 'doublehop', 'health')
    return [code, String(stdout)] as const
  }
  const status = async (daemon: string) => (await project.container(daemon)).State.Health?.Status

  await t.test('up --wait builds the image and ends when all are healthy', async (t) => {
    const { code, stderr } = await project.compose(['up', '-d', '--wait', '--build'])
    t.equal(code, 0, stderr)
    for (const daemon of DAEMONS) t.equal(await status(daemon), 'healthy', daemon)
    t.equal((await project.container('certs')).State.ExitCode, 0)
  })

  await t.test('a launch carries a megabyte through both hops and back', async (t) => {
    const { code, stdout, stderr } = await launch(MEGABYTE)
    t.equal(code, 0, stderr)
    t.ok(stdout.equals(MEGABYTE), `${stdout.length} bytes came back as they went`)
  })

  const certs = await project.certificates()
  const secretFiles = globSync('**/*', { cwd: certs }).filter((file) =>
    /(\.key|token|\.sha256)$/.test(file),
  )

  await t.test('the gateway is published to clients outside', async (t) => {
    const access = ['--ca', `${certs}/workspace/ca.crt`, '--token', `${certs}/workspace/token`]
    const at = (await project.published()).replace('127.0.0.1', 'localhost')
    const command = [process.execPath, COMMAND, 'launch', '--app', 'echo', '--gateway', at]
    const outside = engine.startBeside([...command, ...access])
    const { code, stdout, stderr } = await toItsEnd(outside, 'hello')
    t.same([code, String(stdout), stderr], [0, 'hello', ''])
  })

  const session = project.startWorkspace('launch', '--app', 'echo')
  session.say('hello')
  await session.read(5)

  await t.test('health and sessions need no flags', async (t) => {
    const healths = await Promise.all(DAEMONS.map(health))
    for (const [index, daemon] of DAEMONS.entries())
      t.same(healths[index], [0, `${daemon}: ready\n`])
    for (const daemon of ['gateway', 'proxy', 'vda'] as const) {
      const { stdout } = await project.exec(daemon, 'doublehop', 'sessions')
      t.match(String(stdout), new RegExp(`^DAEMON .*\\n${daemon} .* 5 +5\\n$`))
    }
    const { stdout } = await project.exec('sta', 'doublehop', 'sessions')
    t.equal(String(stdout), 'no session runs at this moment\n')
  })

  const containers = Object.fromEntries(
    await Promise.all(EVERYBODY.map(async (one) => [one, await project.container(one)] as const)),
  )

  await t.test('nobody reaches anybody but neighbours, by name or by address', async (t) => {
    const look = async (from: string) => {
      const places = attempts(from, containers)
      const seen = await project.inside<string[]>(from, 'connects.mjs', places)
      for (const [index, { to, host, port, open }] of places.entries()) {
        const path = `${from} → ${to} at ${host}:${port} ${seen[index]}`
        t.equal(seen[index] === 'connected', open, path)
      }
    }
    await Promise.all(EVERYBODY.map(look))
  })

  await t.test('a network has two ends, but nobody is let in from the inner one', async (t) => {
    const knock = (from: string, host: string, port: number) =>
      project.inside<string>(from, 'knocks.mjs', { host, port })
    t.equal(await knock('gateway', 'proxy', 1080), 'answered 0502', 'whom the proxy serves')
    t.equal(await knock('sta', 'proxy', 1080), 'refused')
    t.equal(await knock('vda', 'proxy', 1080), 'refused')
    t.equal(await knock('sta', 'storefront', 8444), 'refused')
  })

  await t.test(
    'each container holds its own secrets, and the key of the CA is in none',
    async (t) => {
      const hash = (file: string) =>
        createHash('sha256')
          .update(readFileSync(join(certs, file), 'utf8').trim())
          .digest('hex')
      const wanted = Object.fromEntries(secretFiles.map((file) => [file, hash(file)]))
      t.ok('ca/ca.key' in wanted && 'proxy/grant.key' in wanted)
      const held = EVERYBODY.map(async (one) => [
        one,
        await project.inside<Record<string, string[]>>(one, 'holds.mjs', wanted),
      ])
      const both = ['/certs/service.key']
      t.same(Object.fromEntries(await Promise.all(held)), {
        workspace: { 'workspace/token': ['/certs/token'] },
        gateway: { 'gateway/tls.key': ['/certs/tls.key'] },
        proxy: { 'proxy/tls.key': ['/certs/tls.key'], 'proxy/grant.key': ['/certs/grant.key'] },
        storefront: {
          'storefront/tls.key': ['/certs/tls.key'],
          'storefront/token.sha256': ['/certs/token.sha256'],
          // One key in two folders.
          'storefront/service.key': both,
          'sta/service.key': both,
        },
        sta: {
          'sta/tls.key': ['/certs/tls.key'],
          'storefront/service.key': both,
          'sta/service.key': both,
        },
        vda: {},
      })
      for (const one of EVERYBODY) {
        const { Mounts, Config } = containers[one] ?? (await project.container(one))
        const mounted = Mounts.map(({ Destination, RW }) => `${Destination} ${RW ? 'rw' : 'ro'}`)
        const folders = one === 'vda' ? ['/etc/doublehop ro'] : ['/certs ro', '/etc/doublehop ro']
        t.same(mounted.sort(), folders, one)
        t.notMatch(Config.Env.join('\n'), /DOUBLEHOP|KEY|TOKEN/)
      }
    },
  )

  await t.test(
    'each runs as nobody in particular, with no rights and nowhere to write',
    async (t) => {
      for (const one of EVERYBODY) {
        const { Config, HostConfig: host } = containers[one] ?? (await project.container(one))
        t.equal(Config.User, '10001:10001')
        t.same([host.ReadonlyRootfs, host.Privileged], [true, false])
        t.same([host.CapDrop, host.CapAdd ?? []], [['ALL'], []])
        t.same(host.SecurityOpt, ['no-new-privileges:true'])
        t.ok(
          host.PidsLimit > 0 && host.PidsLimit <= 128 && host.Memory > 0 && host.Memory <= 2 ** 29,
        )
        const may = await project.inside(one, 'may.mjs')
        const id = Array(4).fill('10001').join(' ')
        const capabilities = Array(5).fill('0'.repeat(16))
        const main = { uid: id, gid: id, capabilities, noNewPrivileges: '1' }
        // Message queues are the kernel's, and every container has its own.
        t.same(may, { writable: ['/dev/mqueue'], main }, one)
      }
    },
  )

  await t.test('the list of what it is made of lists what is installed', async (t) => {
    const { components, bomFormat } = JSON.parse(
      String((await project.exec('vda', 'cat', '/opt/doublehop/sbom.cdx.json')).stdout),
    ) as { bomFormat: string; components: { purl: string }[] }
    t.equal(bomFormat, 'CycloneDX')
    const lock = '/opt/doublehop/node_modules/.package-lock.json'
    const { packages } = JSON.parse(String((await project.exec('vda', 'cat', lock)).stdout)) as {
      packages: Record<string, { version?: string; link?: true }>
    }
    const installed = Object.entries(packages).flatMap(([path, { version, link }]) =>
      link ? [] : [`${path.replace(/^.*node_modules\/|^packages\//, '')}@${version}`],
    )
    const listed = components.map(({ purl }) => decodeURIComponent(purl.replace('pkg:npm/', '')))
    const others = (names: string[]) =>
      names.filter((name) => !/^(@doublehop\/|[a-z-]+@0\.1\.0$)/.test(name))
    t.same(others(listed).sort(), others(installed).sort())
  })

  session.hush()
  await session.ended

  await t.test('a container that dies comes back, and launches go on', async (t) => {
    process.kill((await project.container('proxy')).State.Pid, 'SIGKILL')
    await until(
      () => project.container('proxy'),
      (it) => it.RestartCount === 1 && it.State.Health?.Status === 'healthy',
      TWO_MINUTES,
    )
    await until(
      () => health('gateway'),
      ([code]) => code === 0,
      TWO_MINUTES,
    )
    t.equal(String((await launch('hello')).stdout), 'hello')
  })

  await t.test(
    'a frozen proxy makes the gateway not ready, and launches end at once',
    async (t) => {
      await project.compose(['pause', 'proxy'])
      const notReady = [1, 'gateway: not ready, no next hop is up (proxy)\n']
      t.same(
        await until(
          () => health('gateway'),
          ([code]) => code !== 0,
          TWO_MINUTES,
        ),
        notReady,
      )
      const began = performance.now()
      const { code, stdout, stderr } = await launch('hello')
      t.same([code, String(stdout)], [1, ''])
      t.match(stderr, /DH_SOCKS_(UNREACHABLE|FAILED)/)
      // A launch has 30 s, and its container has to start.
      t.ok(performance.now() - began < 45_000, 'before the deadline of a launch')
      await until(
        () => status('gateway'),
        (it) => it === 'unhealthy',
        TWO_MINUTES,
      )

      await project.compose(['unpause', 'proxy'])
      await until(
        () => health('gateway'),
        ([code]) => code === 0,
        TWO_MINUTES,
      )
      t.equal(String((await launch('hello')).stdout), 'hello')
    },
  )

  await t.test('stop drains every daemon, and down leaves nothing', async (t) => {
    t.equal((await project.compose(['stop'])).code, 0)
    for (const daemon of DAEMONS)
      t.equal((await project.container(daemon)).State.ExitCode, 0, daemon)
    await project.keepLogs()
    t.equal((await project.compose(['down', '--volumes'])).code, 0)
    t.same(await project.leftovers(), { containers: [], networks: [], volumes: [] })
  })
})
