import { stripVTControlCharacters } from 'node:util'
import t from 'tap'
import type { CheckResult } from '../../src/check/result.ts'
import { tableOf } from '../../src/formats/table.ts'
import { everyZone, hostile, onHost, sampleCheck, samples } from '../samples.ts'
import { pipe, terminal, wild } from './screen.ts'

/** It stands above what a terminal says of itself. */
t.before(() => {
  delete process.env.FORCE_COLOR
})

t.test('a leak above a block, above what is as it must be; then what to change', async (t) => {
  const { leak } = samples
  const shown = new Set(['gateway-vda-2598', 'gateway-proxy-1080', 'gateway-sta-8080'])
  const few = { ...leak, rows: leak.rows.filter(({ flow }) => shown.has(flow.id)) }
  t.equal(
    tableOf(few, pipe()),
    `zone dmz1, from 10.2.0.2 · 3 flows · 4.1 s
EXPECT  FLOW                                 LAYERS               OBSERVED  VERDICT
deny    vda   10.4.0.3:2598/tcp  (bypass)    tcp ✓                open      LEAK     DH_FW_LEAK
allow   proxy 10.3.0.2:1080/tcp  steps 2, 5  tcp ✗ tls – socks –  filtered  BLOCKED  DH_FW_FILTERED
        └ gateway → proxy → STA01  SKIP  gateway-proxy-1080 is not open
deny    sta   10.4.0.2:8080/tcp  (bypass)    tcp ✗                filtered  PASS
DH_FW_LEAK      ${leak.findings[0]?.sentence}
                tcpdump -ni any 'host 10.2.0.2 and host 10.4.0.3 and tcp port 2598 or icmp'
DH_FW_FILTERED  ${leak.findings[1]?.sentence}
                tcpdump -ni any 'host 10.2.0.2 and host 10.3.0.2 and tcp port 1080 or icmp'
1 leak, 1 blocked, 1 as it must be, 0 unknown
`,
  )
})

t.test('a healthy zone ends with a line that says so, and names nothing to change', async (t) => {
  const text = tableOf(samples.healthy, pipe())
  t.match(text, /\n0 leaks, 0 blocked, 18 as they must be, 0 unknown\n$/)
  t.notMatch(text, /DH_FW_|tcpdump/)
  t.match(text, '└ gateway → proxy → STA01  PASS')
})

t.test('what runs elsewhere is counted last, and shown where it is little', async (t) => {
  const text = tableOf(samples.oneHostOfTwo, pipe())
  const lines = text.split('\n')
  const counted = lines.indexOf('        13 more run on storefront, 10.3.0.3')
  t.ok(counted > 0)
  t.match(lines[counted + 1], /^DH_FW_REJECTED/, 'after every row')
  t.match(text, /, 13 not run here\n$/)
  t.notMatch(text, ' SKIP ')

  const { oneHostOfTwo } = samples
  const skipped = oneHostOfTwo.rows.filter(({ verdict }) => verdict === 'SKIP').slice(0, 2)
  const ran = oneHostOfTwo.rows.filter(({ verdict }) => verdict !== 'SKIP')
  const little = tableOf({ ...oneHostOfTwo, rows: [...skipped, ...ran] }, pipe())
  t.match(little, /allow {3}storefront → sta +10\.4\.0\.2:8080\/tcp .* SKIP\n +run on storefront/)
  t.match(
    little,
    /allow {3}proxy → sta +10\.4\.0\.2:8080\/tcp/,
    'sources are named when they differ',
  )
})

t.test('a zone in which nothing could run has no table', async (t) => {
  const text = tableOf(onHost(sampleCheck('dmz1'), '192.0.2.1'), pipe())
  t.equal(
    text,
    `zone dmz1, from 192.0.2.1 · 0 flows · 4.1 s
        18 more run on gateway, 10.2.0.2
0 leaks, 0 blocked, 0 as they must be, 0 unknown, 18 not run here
`.replace(/^ +18 more/m, '18 more'),
  )
})

t.test('zones that were joined stand in one table, and it says which are missing', async (t) => {
  const all = tableOf(everyZone(), pipe())
  t.match(
    all,
    /^zones internet, lan, dmz1, dmz2, internal, management, from 8 addresses · 115 flows/,
  )
  t.match(all, /allow {3}proxy → vda +10\.4\.0\.3:2598\/tcp +steps 6, 7, 9/)
  const missing = { ...everyZone(), missing: ['lan', 'internal'] as const }
  t.match(tableOf(missing, pipe()).split('\n')[0], / · not checked: lan, internal$/)
})

t.test('rows and findings fit the screen at 100, 120 and 140 columns', async (t) => {
  for (const [name, sample] of Object.entries(samples)) {
    for (const columns of [100, 120, 140]) {
      const lines = stripVTControlCharacters(tableOf(sample, terminal(columns))).split('\n')
      const long = lines.filter((line) => line.length > columns && !line.includes('tcpdump'))
      t.same(long, [], `${name} at ${columns}`)
    }
  }
  t.notMatch(
    tableOf(samples.oneHostOfTwo, terminal(100)).split('\n')[2],
    'DH_FW_',
    'a code that does not fit stands with its finding only',
  )
})

t.test(
  'on a pipe each finding is one line, however long, and a filter is one anywhere',
  async (t) => {
    const { intercepted } = samples
    t.match(
      tableOf(intercepted, pipe()),
      `\nDH_FW_INTERCEPTED  ${intercepted.findings[0]?.sentence}\n`,
    )
    t.match(
      stripVTControlCharacters(tableOf(samples.ipv6, terminal(80))),
      "tcpdump -ni any 'host 2001:db8:2::2 and host 2001:db8:3::2 and tcp port 1080 or icmp6'\n",
    )
  },
)

t.test('colours are for terminals, and say nothing that words do not', async (t) => {
  t.notMatch(tableOf(samples.leak, pipe()), '\u001b')
  const coloured = tableOf(samples.leak, terminal(120))
  t.match(coloured, '\u001b[35mLEAK')
  t.match(coloured, '\u001b[31mBLOCKED')
  const columns = 400
  t.equal(
    stripVTControlCharacters(tableOf(samples.leak, terminal(columns))),
    tableOf(samples.leak, pipe()),
  )
  t.notMatch(tableOf(samples.leak, terminal(120, { NO_COLOR: '1' })), '\u001b')
})

t.test('text of others moves no cursor, begins no line and leaves no quotes', async (t) => {
  const text = tableOf(hostile, pipe())
  t.same(wild(text), [])
  t.equal(text.split('\n').filter((line) => line === '...' || line === '---').length, 0)

  const [first] = samples.blocked.findings
  if (first === undefined) return t.fail('no finding')
  const findings = [{ ...first, capture: "host 10.2.0.2' ; reboot '" }]
  const pasted: CheckResult = { ...samples.blocked, findings }
  t.match(tableOf(pasted, pipe()), "tcpdump -ni any 'host 10.2.0.2'\\'' ; reboot '\\'''\n")
})
