import { readFileSync } from 'node:fs'
import t from 'tap'
import { prefixInto } from '../src/lab/isolated/enter.ts'
import { Namespace } from '../src/lab/isolated/namespace.ts'

const skip =
  (process.platform !== 'linux' && 'network namespaces are Linux’s') ||
  (process.getuid?.() !== 0 && 'only root enters network namespaces')

/** Where a state file may lead whoever reads it as root. */
const isolation = (holders: Record<string, { pid: number; started: string }>) => ({
  family: 4 as const,
  holders,
})

const startOf = (pid: number): string => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

t.test('only what holds a namespace of a lab is entered', { skip }, async (t) => {
  const namespace = await Namespace.open()
  t.teardown(() => namespace.close())
  const state = isolation({ firewall1: namespace.holder })
  t.match(prefixInto('firewall1', state).join(' '), `/proc/${namespace.holder.pid}/ns/net`)

  for (const [who, pid] of Object.entries({ 'this process': process.pid, 'the first one': 1 })) {
    const other = isolation({ firewall1: { pid, started: startOf(pid) } })
    t.throws(() => prefixInto('firewall1', other), { code: 'DH_NO_LAB' }, who)
  }
})

t.test('a place that the lab does not have is not where we are', { skip }, async (t) => {
  t.throws(() => prefixInto('firewall2', isolation({})), { code: 'DH_NO_LAB' })
  t.same(prefixInto('firewall2', undefined), [], 'without an isolated lab everything is here')
})

t.test('a host without IPv6 holds namespaces all the same', { skip }, async (t) => {
  const namespace = await Namespace.open(['net/ipv6/conf/no-such-thing/forwarding=1'])
  t.teardown(() => namespace.close())
  t.ok(namespace.holder.pid > 0)
  await t.rejects(Namespace.open(['net/ipv4/no_such_thing=1']), { code: 'DH_LAB_ISOLATION' })
})
