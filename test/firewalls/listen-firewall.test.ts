import { listenResult } from '@doublehop/firewall/check/result'
import t from 'tap'
import { cannotIsolate } from '../kit/isolated-world.ts'
import { ListenNetwork } from '../kit/listen-network.ts'
import { until } from '../kit/wait.ts'

const skip = cannotIsolate('socat')
const NONCE = '0123456789abcdef0123456789abcdef'

t.test('what arrives is told with its source, translated or not', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  const listening = await network.listen('jsonl')
  await network.sh('near', knock(network))
  const [first] = await told(listening)
  t.match(first, { state: 'connected', nonce: NONCE })
  t.match(first?.from, /^10\.2\.0\.2:\d+$/)

  await network.sh(
    'router',
    "nft 'add table ip nat'; nft 'add chain ip nat post { type nat hook postrouting priority srcnat; }'; nft 'add rule ip nat post oifname far masquerade'",
  )
  await network.sh('near', knock(network))
  const [, second] = await told(listening, 2)
  t.match(second?.from, /^10\.3\.0\.1:\d+$/)
})

t.test('what arrived and whose answer is lost is told from what never arrived', { skip }, (t) =>
  Promise.all(
    ([4, 6] as const).map(async (family) => {
      const network = await ListenNetwork.make(t, family)
      const listening = await network.listen('json')
      const ip = family === 4 ? 'ip' : 'ip6'
      const answers = 'tcp flags & (syn | ack) == (syn | ack)'
      await network.breakBy(`${ip} saddr ${network.far} ${answers} drop`)
      await network.sh('near', `${knock(network, 40_001)} || true`)
      await network.breakBy(`${ip} saddr ${network.near} drop`)
      await network.sh('near', `${knock(network, 40_002)} || true`)

      const { code, stdout } = await listening.stop('SIGINT')
      t.equal(code, 0)
      const { arrivals, listeners } = listenResult.parse(JSON.parse(stdout.toString()))
      const at = `${host(network.far)}:1080`
      t.match(arrivals, [{ state: 'half-open', at, from: `${host(network.near)}:40001` }])
      t.equal(arrivals.length, 1, 'once, and nothing of the second one')
      t.match(listeners, [{ protocol: 'tcp', at }])
    }),
  ),
)

t.test('people see at what it waits and what comes', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  const listening = await network.listen('table')
  await network.sh('near', knock(network))
  await listening.says(/10\.2\.0\.2:\d+ +10\.3\.0\.2:1080\/tcp +connected +nonce 0123/)
  t.match(listening.stdout.toString(), /^zone dmz2 · listening at 2 of 2 places\n/)
  t.match(listening.stdout.toString(), /10\.3\.0\.2:9102\/tcp +proxy +listening/)
})

t.test('on a host of another zone it says where to run instead', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  const ended = await network.doublehop('near', ['listen', '--zone', 'dmz2']).ended
  t.equal(ended.code, 78)
  t.match(ended.stderr, /10\.3\.0\.2: on another host[\s\S]*DH_FW_LISTEN/)
})

t.test('it waits at one address where one is named, and for a time', { skip }, async (t) => {
  const network = await ListenNetwork.make(t)
  const listen = ['listen', '--zone', 'dmz2', '--format', 'json']
  const ended = await network.doublehop('far', [...listen, '--at', network.far, '--for', '1']).ended
  t.equal(ended.code, 0)
  t.match(listenResult.parse(JSON.parse(ended.stdout.toString())), { zone: 'dmz2', arrivals: [] })
  const elsewhere = await network.doublehop('far', [...listen, '--at', '10.9.9.9']).ended
  t.match(elsewhere, { code: 78, stderr: /no flow leads to 10\.9\.9\.9/ })
})

/** Connects for two seconds, and leaves a nonce. */
function knock({ far, near }: ListenNetwork, port?: number): string {
  const bind = port === undefined ? '' : `,bind=${host(near)}:${port}`
  const to = near.includes(':') ? 'TCP6' : 'TCP4'
  return `printf 'doublehop nonce ${NONCE}\\r\\n' | timeout 5 socat -t1 - ${to}:${host(far)}:1080,connect-timeout=2${bind} >/dev/null`
}

function host(address: string): string {
  return address.includes(':') ? `[${address}]` : address
}

async function told(listening: { readonly stdout: Buffer }, count = 1) {
  const lines = await until(
    () => listening.stdout.toString().split('\n').filter(Boolean),
    ({ length }) => length >= count,
  )
  return lines.map((line) => JSON.parse(line))
}
