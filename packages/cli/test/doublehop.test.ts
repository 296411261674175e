import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { missing, toolPath } from '../../../test/kit/tools.ts'

const oldNode = `--import=${join(import.meta.dirname, 'fixtures/old-node.ts')}`

t.test('the command gets its arguments and says how it ends', async (t) => {
  const run = spawnSync(process.execPath, [workspace(t), 'a', 'b c'], { encoding: 'utf8' })
  t.same([run.stdout, run.status], ['["a","b c"]\n', 3])
})

for (const way of ['execve', 'a child process']) {
  const env = { ...process.env, ...(way === 'execve' ? {} : { WITHOUT_EXECVE: '1' }) }

  t.test(`an old Node hands over to the one of the workspace, by ${way}`, async (t) => {
    const args = [oldNode, workspace(t), 'a', 'b c']
    const run = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    t.same([run.stdout, run.status], ['["a","b c"]\n', 3])
  })

  t.test(`what an old Node started by ${way} gets its signals`, async (t) => {
    const args = [oldNode, workspace(t), 'until-terminated']
    const run = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    t.equal(String((await once(run.stdout, 'data'))[0]), 'ready\n')
    run.kill('SIGTERM')
    t.same(await once(run, 'exit'), [5, null])
  })

  t.test(`what an old Node started by ${way} dies of, it dies of`, async (t) => {
    const args = [oldNode, workspace(t), 'killed']
    const run = spawnSync(process.execPath, args, { env, encoding: 'utf8' })
    t.same([run.stdout, run.signal], ['', 'SIGKILL'])
  })
}

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const) {
  // The kernel lets process 1 of a container ignore what it does not listen to.
  t.test(
    `as process 1 it ends by ${signal} all the same`,
    { skip: missing('unshare') },
    async (t) => {
      const args = ['--pid', '--fork', process.execPath, workspace(t), 'deaf']
      const run = spawn(toolPath('unshare'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
      t.equal(String((await once(run.stdout, 'data'))[0]), 'ready 1\n')
      const first = readFileSync(`/proc/${run.pid}/task/${run.pid}/children`, 'utf8')
      process.kill(Number(first), signal)
      t.same(await once(run, 'exit'), [code, null])
    },
  )
}

t.test('an old Node without another says what is wanted', async (t) => {
  const args = [oldNode, workspace(t, 'node_modules without node')]
  const run = spawnSync(process.execPath, args, { encoding: 'utf8' })
  t.equal(run.status, 78)
  t.match(run.stderr, /^doublehop: needs Node 26 or newer and this is v20.1.0: .*\n$/)
})

t.test('an old Node in the workspace is not handed over to again and again', async (t) => {
  const env = { ...process.env, NODE_OPTIONS: oldNode }
  const run = spawnSync(process.execPath, [workspace(t)], { env, encoding: 'utf8' })
  t.equal(run.status, 78)
})

/** A workspace with this command, another main and, in its node_modules, the Node of this process. */
function workspace(t: Test, kind?: 'node_modules without node'): string {
  const root = t.testdir({
    node_modules: {
      '.bin': kind ? {} : { node: t.fixture('symlink', process.execPath) },
    },
    packages: {
      cli: {
        'package.json': '{"type":"module"}',
        bin: {},
        src: {
          'main.ts': `
            export async function main(argv: string[]): Promise<number> {
              if (argv[2] === 'killed') process.kill(process.pid, 'SIGKILL')
              if (argv[2] === 'deaf') {
                setInterval(() => {}, 60_000)
                console.log('ready ' + process.pid)
                return 0
              }
              if (argv[2] === 'until-terminated') {
                process.once('SIGTERM', () => process.exit(5))
                setInterval(() => {}, 60_000)
                console.log('ready')
                return 0
              }
              console.log(JSON.stringify(argv.slice(2)))
              return 3
            }`,
        },
      },
    },
  })
  const command = join(root, 'packages/cli/bin/doublehop.mjs')
  copyFileSync(join(import.meta.dirname, '../bin/doublehop.mjs'), command)
  return command
}
