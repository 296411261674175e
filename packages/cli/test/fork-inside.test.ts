import { once } from 'node:events'
import { join } from 'node:path'
import { forkInside } from '@doublehop/cli/lab/isolated/fork-inside'
import t from 'tap'

const MODULE = 'process.on("disconnect", () => process.exit()); process.send(process.argv.slice(2))'

for (const [where, prefix] of Object.entries({
  'where we are already': [],
  'behind a command that leads there': ['env', '--', 'WHERE=there'],
}))
  t.test(`a module runs ${where}, with its arguments, and ends with us`, async (t) => {
    const module = join(t.testdir({ 'module.cjs': MODULE }), 'module.cjs')
    const child = forkInside(prefix, module, ['a', 'b'])
    const [said] = await once(child, 'message')
    t.same(said, ['a', 'b'])
    const ended = once(child, 'exit')
    child.disconnect()
    t.same(await ended, [0, null])
  })
