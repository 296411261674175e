import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AUDIT_EVENTS } from '@doublehop/daemon/audit'
import { encodeReply, REPLY } from '@doublehop/wire/socks5-messages'
import { launch } from '@doublehop/workspace/launch'
import t, { type Test } from 'tap'
import { auditOf, startProcess } from './kit/daemon-process.ts'
import { SOCKS_GREETING, socksRequest } from './kit/flights.ts'
import { connectVia, SESSION } from './kit/hop.ts'
import { House, type LogLine } from './kit/house.ts'
import { ending } from './kit/refusal.ts'
import { exchange } from './kit/session.ts'
import { until } from './kit/wait.ts'

const page = readFileSync(join(import.meta.dirname, '../docs/audit.md'), 'utf8')

/** The rows of docs/audit.md: which daemons write an event, and every field that it names. */
const documented = new Map(
  page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => {
      const [event = '', daemons = '', , fields = ''] = line.slice(2).split(' | ')
      const names = [...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name ?? '')
      return [event.replaceAll('`', ''), { daemons: daemons.split(', '), names }] as const
    }),
)
const ON_EVERY_LINE = ['level', 'time', 'daemon', 'audit', 'event']

for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(`a launch, from ticket to end, with redeemAt: ${redeemAt}`, async (t) => {
    const house = new House(t)
    const hop = await house.doubleHop({ gateway: { redeemAt } })
    const ticket = await hop.ticket()
    const { leg } = await launch(hop.access, { ticket, port: 2598, protocol: 'socks' })
    await exchange(leg, Buffer.from('twelve bytes'))
    const lines = await until(
      () => house.audit,
      (all) => all.filter(({ event }) => event === 'session-closed').length === 3,
    )

    const told = lines.map(({ daemon, event }) => `${daemon} ${event}`).sort()
    const grants = ['proxy grant-accepted', 'proxy grant-minted']
    t.same(
      told,
      [
        'sta ticket-issued',
        'storefront ticket-issued',
        'sta ticket-redeemed',
        'proxy ticket-redeemed',
        ...(redeemAt === 'gateway' ? ['gateway ticket-redeemed', ...grants] : []),
        ...['gateway', 'proxy', 'vda'].flatMap((daemon) => [
          `${daemon} session-opened`,
          `${daemon} session-closed`,
        ]),
      ].sort(),
    )
    const sessions = new Set(lines.flatMap(({ session }) => session ?? []))
    t.equal(sessions.size, 1, 'one id leads through all daemons')
    const closed = lines.find(
      ({ daemon, event }) => daemon === 'gateway' && event === 'session-closed',
    )
    t.match(closed, {
      reason: 'client-closed',
      bytesUp: 12,
      bytesDown: 12,
      ticket: /^;40;STA01;\w{4}…$/,
    })
    holdToPage(t, lines)
    t.notMatch(JSON.stringify(lines), ticket.primary.reveal())
  })

  t.test(`a ticket that is used, and one nobody knows, with redeemAt: ${redeemAt}`, async (t) => {
    const house = new House(t)
    const hop = await house.doubleHop({ gateway: { redeemAt } })
    const ticket = await hop.ticket()
    const { leg } = await launch(hop.access, { ticket, port: 2598, protocol: 'socks' })
    leg.destroy()
    for (const bad of [ticket.reveal(), `;40;STA01;${'AB12'.repeat(8)}`]) {
      const before = house.audit.length
      const { heard } = await ending(
        await hop.access.dial(),
        Buffer.concat([SOCKS_GREETING, socksRequest(bad, 2598)]),
      )
      t.same(heard.subarray(2), encodeReply(REPLY.denied))
      const code = bad === ticket.reveal() ? 'DH_TICKET_USED' : 'DH_TICKET_UNKNOWN'
      const refused = house.audit.slice(before).filter(({ event }) => event === 'ticket-refused')
      const atGateway = redeemAt === 'gateway' ? code : 'DH_SOCKS_DENIED'
      t.same(
        new Set(refused.map((line) => `${line.daemon} ${line.code}`)),
        new Set([`sta ${code}`, `proxy ${code}`, `gateway ${atGateway}`]),
      )
      holdToPage(t, refused)
    }
  })
}

for (const redeemAt of ['gateway', 'proxy'] as const) {
  t.test(
    `a ticket that leads where nobody may go is redeemed all the same, by the ${redeemAt}`,
    async (t) => {
      const house = new House(t)
      const proxy = { destinations: { ports: [9] } }
      const hop = await house.doubleHop({ gateway: { redeemAt }, proxy })
      const ticket = await hop.ticket()
      const flight = Buffer.concat([SOCKS_GREETING, socksRequest(ticket.reveal(), 2598)])
      const { heard } = await ending(await hop.access.dial(), flight)
      t.same(heard.subarray(2), encodeReply(REPLY.denied))
      const told = house.audit
        .filter(({ daemon }) => daemon === redeemAt)
        .map(({ event }) => event)
        .filter((event) => event?.startsWith('ticket'))
      t.same(told, ['ticket-redeemed'])
    },
  )
}

t.test('a gateway that comes with a grant it does not have', async (t) => {
  const house = new House(t)
  const { proxy, vda } = await house.doubleHop()
  const server = vda.at['echo.cgp'] ?? { host: '', port: 0 }
  const { hop } = await connectVia(house, proxy, server, [SESSION, 'A'.repeat(120)])
  hop.destroy()
  t.match(house.audit, [
    { daemon: 'proxy', event: 'grant-refused', session: SESSION, peerName: 'gateway' },
  ])
  holdToPage(t, house.audit)
})

t.test('a reload, taken and refused; and no level of the log silences the audit', async (t) => {
  const house = new House(t)
  const section = {
    log: { level: 'error' },
    apps: [{ name: 'echo', kind: 'echo', listenCgp: '127.0.0.1:0' }],
  }
  const file = join(house.folder, 'quiet.yaml')
  const vda = await startProcess(t, house, 'vda', 'quiet', {
    ...section,
    log: { level: 'info' },
  })
  t.equal(
    await vda.reload({ ...section, limits: { sessions: 5 }, log: { level: 'info' } }),
    'reloaded',
  )
  t.equal(await vda.reload({ ...section, limits: { sessions: 'many' } }), 'reload-refused')
  t.equal(await vda.reload({ ...section, apps: [] }), 'reload-refused')
  const lines = auditOf(vda.program) as unknown as LogLine[]
  t.match(lines, [
    { daemon: 'quiet', event: 'configuration-reloaded', file },
    { daemon: 'quiet', event: 'configuration-refused', file, code: 'DH_CONFIG' },
    { daemon: 'quiet', event: 'configuration-refused', file, code: 'DH_CONFIG' },
  ])
  holdToPage(t, lines, true)
})

t.test('docs/audit.md has a row for each event, and no other', (t) => {
  t.same([...documented.keys()].sort(), [...AUDIT_EVENTS].sort())
  t.end()
})

/** Every line has what the page says, and nothing else. */
function holdToPage(t: Test, lines: readonly LogLine[], anyDaemon = false): void {
  for (const line of lines) {
    const { daemons = [], names = [] } = documented.get(line.event ?? '') ?? {}
    t.ok(
      anyDaemon || daemons.includes(line.daemon) || daemons.includes('all'),
      `${line.daemon} ${line.event}`,
    )
    const more = Object.keys(line).filter((key) => !ON_EVERY_LINE.includes(key))
    const known =
      line.event === 'session-closed'
        ? [...names, ...(documented.get('session-opened')?.names ?? [])]
        : names
    for (const key of more) t.ok(known.includes(key), `${line.event} has ${key}`)
  }
}
