import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat } from '@doublehop/wire/conversation'
import t, { type Test } from 'tap'
import { until } from '../../../../test/kit/wait.ts'
import { openWitness } from '../../src/check/witness.ts'
import { FRAMES, icmp, ipv4, pcapHeader, pcapRecord, ports } from './packets.ts'

const skip = process.platform !== 'linux' && 'tcpdump is asked for on Linux alone'
const [NEAR, FAR, WALL] = ['10.2.0.2', '10.3.0.2', '10.2.0.254']
const ABOUT = {
  protocol: 'tcp',
  from: { host: NEAR, port: 40_000 },
  to: { host: FAR, port: 1080 },
} as const

/** A folder that is the whole path, with a `tcpdump` of these lines, if any. */
function onlyTcpdump(test: Test, script?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'doublehop-test-'))
  for (const tool of ['sh', 'cat', 'sleep', 'dirname'])
    symlinkSync(`/usr/bin/${tool}`, join(folder, tool))
  if (script !== undefined)
    writeFileSync(join(folder, 'tcpdump'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const path = process.env.PATH
  process.env.PATH = folder
  test.teardown(() => {
    process.env.PATH = path
    rmSync(folder, { recursive: true })
  })
  return folder
}

t.test('without tcpdump there is no witness', { skip }, async (t) => {
  onlyTcpdump(t)
  t.same(await openWitness(), undefined)
})

t.test('nor where it is not allowed', { skip }, async (t) => {
  onlyTcpdump(t, 'echo "You don\'t have permission to capture on that device" >&2; exit 1')
  t.same(await openWitness(), undefined)
})

t.test('what was seen of a port is nothing to whoever has it next', { skip }, async (t) => {
  const [linkType, header] = FRAMES['Linux cooked, version 2']
  const syn = ipv4(6, NEAR, FAR, ports(40_000, 1080))
  const rejected = concat(header(0x0800), ipv4(1, WALL, NEAR, icmp(3, 13, syn)))
  const folder = onlyTcpdump(
    t,
    [
      'echo "tcpdump: listening on any" >&2; cd $(dirname $0); cat first',
      'sleep 60 & p=$!; trap "kill $p" TERM; wait $p',
    ].join('\n'),
  )
  writeFileSync(join(folder, 'first'), concat(pcapHeader(linkType), pcapRecord(rejected)))
  const witness = await openWitness()
  t.teardown(() => witness?.close())
  t.match(await until(() => witness?.about(ABOUT, 10), Boolean), { means: 'rejected' })
  witness?.begin(ABOUT)
  t.same(await witness?.about(ABOUT, 10), undefined)
})

t.test('it tells what came back, before it was asked and after', { skip }, async (t) => {
  const [linkType, header] = FRAMES['Linux cooked, version 2']
  const syn = ipv4(6, NEAR, FAR, ports(40_000, 1080))
  const record = (code: number): Uint8Array =>
    pcapRecord(concat(header(0x0800), ipv4(1, WALL, NEAR, icmp(3, code, syn))))
  const folder = onlyTcpdump(
    t,
    [
      'echo "tcpdump: listening on any" >&2; cd $(dirname $0); cat first',
      'while [ ! -e go ]; do sleep 0.02; done; cat second',
      'sleep 60 & p=$!; trap "kill $p" TERM; wait $p',
    ].join('\n'),
  )
  // What stops nobody comes first, and hides nothing.
  writeFileSync(join(folder, 'first'), concat(pcapHeader(linkType), record(4)))
  writeFileSync(join(folder, 'second'), record(13))
  const witness = await openWitness()
  t.teardown(() => witness?.close())
  const other = { ...ABOUT, from: { host: NEAR, port: 40_001 } }
  t.match(await until(() => witness?.about(ABOUT, 10), Boolean), { means: 'nothing' })
  t.same(await witness?.about(other, 10), undefined)
  writeFileSync(join(folder, 'go'), '')
  const told = { by: 'icmp', kind: 'administratively prohibited', means: 'rejected', sender: WALL }
  t.same(
    await until(
      () => witness?.about(ABOUT, 10),
      (seen) => seen?.by === 'icmp' && seen.means !== 'nothing',
    ),
    told,
  )
  t.ok(witness?.watching)
})

t.test('one that ends by itself is known to see no more', { skip }, async (t) => {
  onlyTcpdump(t, 'echo "tcpdump: listening on any" >&2; sleep 0.05')
  const witness = await openWitness()
  t.teardown(() => witness?.close())
  t.same(
    await until(
      () => witness?.watching,
      (watching) => watching === false,
    ),
    false,
  )
  t.same(await witness?.about(ABOUT, 60_000), undefined)
})
