import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import t from 'tap'

const root = resolve(import.meta.dirname, '..')
const fixtures = resolve(import.meta.dirname, 'runner/fixtures')

t.test('a run tells what passed, failed and was skipped, and fails', async (t) => {
  const run = runTests('mixed.ts', 'none.ts', 'starts-a-process.ts')
  t.equal(run.status, 1)
  t.match(run.stdout, /one is two .*\n.*--- expected\n.*\+\+\+ actual/, 'a failure in full')
  t.match(run.stdout, / {2}test\/runner\/fixtures\/mixed.ts > is skipped: the moon is down\n/)
  t.match(run.stdout, / {2}test\/runner\/fixtures\/mixed.ts > fails: one is two\n/)
  t.match(run.stdout, / {2}test\/runner\/fixtures\/none.ts: ran no test\n/)
  t.match(run.stdout, /\n5 passed, 2 failed, 1 skipped\n$/, 'the counts come last')
})

t.test('a name that stands for no test file fails before anything runs', async (t) => {
  const run = runTests('no-such-test.ts')
  t.equal(run.status, 1)
  t.match(run.stderr, /^no test file: .*no-such-test.ts\n$/)
  t.match(run.stdout, /\n0 passed, 0 failed, 0 skipped\n$/)
})

function runTests(...names: string[]) {
  return spawnSync(process.execPath, ['test/run.ts', ...names], {
    cwd: root,
    env: { ...process.env, INIT_CWD: fixtures },
    encoding: 'utf8',
  })
}
