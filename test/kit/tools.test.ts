import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { missing, toolPath } from './tools.ts'

t.test('a tool on the path is there', async (t) => {
  const bin = t.testdir({ 'a-tool': '' })
  chmodSync(join(bin, 'a-tool'), 0o755)
  environment(t, { PATH: `/nowhere:${bin}` })
  t.equal(missing('a-tool'), false)
  t.equal(toolPath('a-tool'), join(bin, 'a-tool'))
})

t.test('a file that cannot be executed is no tool', async (t) => {
  environment(t, { PATH: t.testdir({ 'a-tool': '' }), DOUBLEHOP_REQUIRE: undefined })
  t.equal(missing('a-tool'), 'a-tool is not installed (Debian: a-tool)')
})

t.test('every tool that is not there is named with its Debian package', async (t) => {
  environment(t, { DOUBLEHOP_REQUIRE: undefined })
  t.equal(
    missing('no-tool', 'sh', 'nor-this'),
    'no-tool is not installed (Debian: no-tool), nor-this is not installed (Debian: nor-this)',
  )
  t.throws(() => toolPath('no-tool'), { message: 'no-tool is not installed (Debian: no-tool)' })
})

t.test('where everything is required, a missing tool is an error and no skip', async (t) => {
  environment(t, { DOUBLEHOP_REQUIRE: 'all' })
  t.throws(() => missing('no-tool'), { message: 'no-tool is not installed (Debian: no-tool)' })
})

function environment(t: Test, values: Record<string, string | undefined>): void {
  t.intercept(process, 'env', { value: { ...process.env, ...values } })
}
