import t from 'tap'
import { matrixCsv } from '../src/formats/matrix-csv.ts'
import { matrixJson } from '../src/formats/matrix-json.ts'
import { matrixMarkdown } from '../src/formats/matrix-markdown.ts'
import { matrixTable } from '../src/formats/matrix-table.ts'
import { flowsIn, plain } from './rules/topology.ts'

const flows = flowsIn(plain(4)).filter(({ id }) =>
  ['gateway-proxy-1080', 'lan-gateway-443', 'gateway-vda-2598'].includes(id),
)

t.test('the matrix of flows as a table', async (t) => {
  t.equal(
    matrixTable(flows),
    `EXPECT  FLOW                FROM         TO        PORT      FIREWALLS  STEPS    WHY
allow   gateway-proxy-1080  10.2.0.2     10.3.0.2  1080/tcp  2          2, 5     the gateway reaches STA and servers through the proxy
allow   lan-gateway-443     10.5.0.0/24  10.2.0.2  443/tcp   1          1, 8, 9  workspaces reach the gateway
deny    gateway-vda-2598    10.2.0.2     10.4.0.3  2598/tcp  2, 3                The gateway must reach the VDA only through the proxy.
`,
  )
})

t.test('on a terminal the table is no wider than it, and only the reason is cut', async (t) => {
  for (const flows of [flowsIn(plain(4)), flowsIn(plain(6))]) {
    const lines = matrixTable(flows, 120).trimEnd().split('\n')
    t.equal(lines.length, flows.length + 1)
    t.ok(lines.every((line) => line.length <= 120))
    t.ok(
      flows.every(({ id, to }, index) => {
        const line = lines[index + 1] ?? ''
        return line.includes(` ${id} `) && line.includes(` ${to.address} `)
      }),
    )
  }
})

t.test('as CSV', async (t) => {
  t.equal(
    matrixCsv(flows),
    [
      'expect,flow,from,to,port,firewalls,steps,why',
      'allow,gateway-proxy-1080,10.2.0.2,10.3.0.2,1080/tcp,2,"2, 5",the gateway reaches STA and servers through the proxy',
      'allow,lan-gateway-443,10.5.0.0/24,10.2.0.2,443/tcp,1,"1, 8, 9",workspaces reach the gateway',
      'deny,gateway-vda-2598,10.2.0.2,10.4.0.3,2598/tcp,"2, 3",,The gateway must reach the VDA only through the proxy.',
      '',
    ].join('\r\n'),
  )
})

t.test('as Markdown', async (t) => {
  t.match(matrixMarkdown(flows).split('\n'), [
    '| EXPECT | FLOW | FROM | TO | PORT | FIREWALLS | STEPS | WHY |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    '| allow | gateway-proxy-1080 | 10.2.0.2 | 10.3.0.2 | 1080/tcp | 2 | 2, 5 | the gateway reaches STA and servers through the proxy |',
  ])
})

t.test('as JSON, without the files of keys', async (t) => {
  const [first] = JSON.parse(matrixJson(flows)) as object[]
  t.same(first, {
    id: 'gateway-proxy-1080',
    from: { name: 'gateway', zone: 'dmz1', network: '10.2.0.2', address: '10.2.0.2' },
    to: { name: 'proxy', zone: 'dmz2', address: '10.3.0.2' },
    protocol: 'tcp',
    port: 1080,
    speaks: 'socks',
    expect: 'allow',
    family: 4,
    firewalls: [2],
    why: 'the gateway reaches STA and servers through the proxy',
    steps: [2, 5],
  })
  t.notMatch(matrixJson(flows), /tls|\.key/)
})
