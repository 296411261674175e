import t from 'tap'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { ListenNetwork } from '../kit/listen-network.ts'

const skip = cannotIsolate()

t.test('a firewall that forgets idle connections after 20 s is found out', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  await network.sh(
    'router',
    `echo 20 >/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established
     echo 0 >/proc/sys/net/netfilter/nf_conntrack_tcp_loose`,
  )
  await network.listen()
  const { tests, note } = await network.deep({ tests: ['idle'], timeoutMs: 2000 })
  const [found] = tests
  t.match(found, { result: 'fail', code: 'DH_FW_IDLE' }, note ?? 'a finding')
  t.comment(found?.sentence)
  const { lived = 0, died = 0 } = found?.idleSeconds ?? {}
  t.ok(lived >= 18 && lived <= 20.2, `a silence of ${lived} s was outlived`)
  t.ok(died >= 19.8 && died <= 22, `one of ${died} s was not`)
  t.ok((found?.seconds ?? 0) < 35, `${found?.seconds} s, not the 120 that were allowed`)
})
