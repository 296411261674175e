import { MemorySpentMarks, type SpentMarks } from '@doublehop/daemon/spent'
import type { Code } from '@doublehop/errors/catalogue'
import { type Fault, fault } from '@doublehop/errors/fault'
import {
  encodeResponseData,
  encodeStaError,
  parseStaRequest,
  type StaErrorId,
} from '@doublehop/wire/sta-messages'
import { StaTicket, Ticket } from '@doublehop/wire/ticket'
import t from 'tap'
import type { StaReply } from '../src/ask.ts'
import { StaDirectory } from '../src/directory.ts'
import { type AskForData, askFirstReachable, Redeemer } from '../src/redeem.ts'

const A = new StaTicket('STA01', 'A'.repeat(32))
const B = new StaTicket('STA02', 'B'.repeat(32))
const DATA = [{ name: 'CGPAddress', value: '10.0.0.5:2598' }]

type Answer = 'good' | StaErrorId | Fault

/** Two STAs that answer what a test wants, and say what they were asked. */
class Scene {
  /** what each STA does, `STA02 spend` for one purpose alone; a live ticket is used once it was redeemed */
  readonly stas: Record<string, Answer> = { STA01: 'good', STA02: 'good' }
  readonly asked: string[] = []
  readonly halvesLeft: string[] = []
  /** what STA02 waits for before it answers */
  held: Promise<void> = Promise.resolve()
  readonly spent: SpentMarks
  readonly #used = new Set<string>()

  constructor(spent: SpentMarks = new MemorySpentMarks()) {
    this.spent = spent
  }

  /** Somebody who redeems: with the memory of this scene, or one of its own. */
  redeemer(spent = this.spent): (ticket: Ticket) => Promise<string> {
    const directory = new StaDirectory(
      [
        { id: 'STA01', urls: ['https://one.example'] },
        { id: 'STA02', urls: ['https://two.example'] },
      ],
      async () => undefined,
    )
    const redeemer = new Redeemer({
      directory,
      spent,
      rememberMilliseconds: 60_000,
      onHalfLeft: (half) => void this.halvesLeft.push(String(half)),
    })
    return async (ticket) => {
      try {
        return (await redeemer.redeem(ticket, this.#ask)).sta
      } catch (error) {
        return (error as { code: Code }).code
      }
    }
  }

  readonly #ask: AskForData = async ({ id = '' }, body, purpose) => {
    const request = parseStaRequest(body)
    if (request.type !== 'RequestData') throw new Error(`asked ${request.type}`)
    this.asked.push(`${id} ${purpose}`)
    const answer = this.stas[`${id} ${purpose}`] ?? this.stas[id] ?? 'ticket-unknown'
    if (`${id} ${purpose}` === 'STA02 launch') await this.held
    if (answer instanceof Error) throw answer
    if (answer !== 'good') return reply(encodeStaError('RequestData', answer))
    if (this.#used.has(request.ticket.hex))
      return reply(encodeStaError('RequestData', 'ticket-used'))
    this.#used.add(request.ticket.hex)
    return reply(encodeResponseData(DATA))
  }
}

const down = fault('DH_STA_UNREACHABLE', { sta: 'STA', why: 'ECONNREFUSED' })
const both = new Ticket(42, A, B)
const only = (half: StaTicket): Ticket => new Ticket(40, half)

t.test('a ticket is redeemed at its STA, once', async (t) => {
  const scene = new Scene()
  const redeem = scene.redeemer()
  t.equal(await redeem(only(A)), 'STA01')
  t.equal(await redeem(only(A)), 'DH_TICKET_USED')
  t.same(scene.asked, ['STA01 launch', 'STA01 launch'])
})

t.test('of a 42 the first half opens the launch, and the other is spent behind it', async (t) => {
  const scene = new Scene()
  const redeem = scene.redeemer()
  t.equal(await redeem(both), 'STA01')
  t.same(scene.asked, ['STA01 launch', 'STA02 spend'])
  t.equal(
    await scene.redeemer(new MemorySpentMarks())(only(B)),
    'DH_TICKET_USED',
    'whoever asks: its STA knows',
  )
})

t.test('a 42 falls over to its second STA only where the first did not take it', async (t) => {
  for (const [answer, outcome] of [
    ['ticket-unknown', 'STA02'],
    [down, 'STA02'],
    [fault('DH_SOCKS_UNREACHABLE', { destination: 'sta', reply: 4 }), 'STA02'],
    ['ticket-used', 'DH_TICKET_USED'],
    ['ticket-expired', 'DH_TICKET_EXPIRED'],
    ['service-unavailable', 'DH_STA_ANSWER'],
    [fault('DH_STA_TIMEOUT', { sta: 'STA01', seconds: 5 }), 'DH_STA_TIMEOUT'],
    [fault('DH_STA_LOST', { sta: 'STA01', why: 'ECONNRESET' }), 'DH_STA_LOST'],
    [fault('DH_STA_FORBIDDEN', { sta: 'STA01', what: 'redeem' }), 'DH_STA_FORBIDDEN'],
    [fault('DH_HOP_NONE', { why: 'down' }), 'DH_HOP_NONE'],
  ] as const) {
    const scene = new Scene()
    scene.stas.STA01 = answer
    t.equal(
      await scene.redeemer()(both),
      outcome,
      typeof answer === 'string' ? answer : answer.code,
    )
    t.equal(scene.asked.includes('STA02 launch'), outcome === 'STA02')
  }
})

t.test('a 42 of which the first STA is not configured falls over as well', async (t) => {
  const scene = new Scene()
  t.equal(
    await scene.redeemer()(new Ticket(42, new StaTicket('STA09', 'C'.repeat(32)), B)),
    'STA02',
  )
})

t.test('when both STAs are away, the ticket is still good once one is back', async (t) => {
  const scene = new Scene()
  const redeem = scene.redeemer()
  scene.stas.STA01 = down
  scene.stas.STA02 = down
  t.equal(await redeem(both), 'DH_STA_UNREACHABLE')
  scene.stas.STA02 = 'good'
  t.equal(await redeem(both), 'STA02')
})

t.test(
  'a half that could not be spent is good no more, in whatever string it comes back',
  async (t) => {
    for (const [away, here, live] of [
      ['STA01', 'STA02', A],
      ['STA02', 'STA01', B],
    ] as const) {
      const scene = new Scene()
      const redeem = scene.redeemer()
      scene.stas[away] = down
      t.equal(await redeem(both), here)
      t.same(scene.halvesLeft, [String(live)])

      scene.stas[away] = 'good'
      scene.asked.length = 0
      const other = live === A ? B : A
      const unknown = new StaTicket(other.sta, 'C'.repeat(32))
      for (const [what, replay] of Object.entries({
        'the whole ticket': both,
        'its halves in the other order': new Ticket(42, B, A),
        'the half that is left, as a ticket of its own': only(live),
        'the same with another version': new Ticket(20, live),
        'the half twice': new Ticket(42, live, live),
        'the half with another one': new Ticket(42, live, unknown),
      })) {
        t.equal(await redeem(replay), 'DH_TICKET_USED', `${away} away: ${what}`)
      }
      scene.stas[other.sta] = 'ticket-unknown'
      t.equal(
        await redeem(new Ticket(42, unknown, live)),
        'DH_TICKET_USED',
        `${away} away: as second half of another ticket`,
      )
      t.notOk(scene.asked.includes(`${away} launch`), 'its STA was not asked')
    }
  },
)

t.test('of two at once that get one half each while an STA comes and goes, one wins', async (t) => {
  const scene = new Scene()
  const redeem = scene.redeemer()
  const { promise, resolve } = Promise.withResolvers<void>()
  scene.stas.STA01 = down
  scene.stas['STA02 spend'] = down
  scene.held = promise
  const first = redeem(both)
  while (!scene.asked.includes('STA02 launch')) await new Promise(setImmediate)
  scene.stas.STA01 = 'good'
  t.equal(await redeem(both), 'STA01', 'the second one finds the first STA back')
  resolve()
  t.equal(
    await first,
    'DH_TICKET_USED',
    'and the first one, which got the other half, comes too late',
  )
})

t.test('whoever shares the memory of spent tickets shares that', async (t) => {
  const scene = new Scene()
  scene.stas.STA01 = down
  t.equal(await scene.redeemer()(both), 'STA02')
  scene.stas.STA01 = 'good'
  t.equal(await scene.redeemer()(only(A)), 'DH_TICKET_USED')
})

t.test('when the memory of spent tickets is away, no launch goes on', async (t) => {
  const away = async (): Promise<never> => {
    throw fault('DH_GRANT_STORE', { why: 'ECONNREFUSED' })
  }
  const scene = new Scene({ isSpent: away, spend: away })
  t.equal(await scene.redeemer()(both), 'DH_GRANT_STORE')
  t.equal(await scene.redeemer()(only(A)), 'DH_GRANT_STORE')
  t.same(scene.asked, [], 'and no ticket is spent for it')

  const forgetful = new Scene({ isSpent: async () => false, spend: away })
  t.equal(
    await forgetful.redeemer()(both),
    'DH_GRANT_STORE',
    'it must be remembered before the launch goes on',
  )
})

t.test('the urls of one STA are tried in order, as long as nothing was written', async (t) => {
  const sta = {
    id: 'STA01',
    urls: ['https://a.example', 'https://b.example', 'https://c.example'].map(
      (url) => new URL(url),
    ),
  }
  const asked: string[] = []
  const ask = (answers: readonly (StaReply | Fault)[]) => {
    asked.length = 0
    return askFirstReachable(sta, async (url) => {
      const answer = answers[asked.push(url.hostname) - 1] ?? new Error('asked once too often')
      if (answer instanceof Error) throw answer
      return answer
    })
  }
  const good = reply(encodeResponseData(DATA))
  t.equal(await ask([down, down, good]), good)
  t.same(asked, ['a.example', 'b.example', 'c.example'])
  t.equal(
    await ask([
      { ...good, status: 502, headers: { 'doublehop-error': 'DH_STA_UNREACHABLE' } },
      good,
    ]),
    good,
    'a proxy may tell so too',
  )

  await t.rejects(ask([fault('DH_STA_LOST', { sta: 'STA01', why: 'ECONNRESET' }), good]), {
    code: 'DH_STA_LOST',
  })
  await t.rejects(
    ask([{ ...good, status: 502, headers: { 'doublehop-error': 'DH_STA_LOST' } }, good]),
    { code: 'DH_STA_LOST' },
  )
  await t.rejects(
    ask([{ ...good, status: 504, headers: { 'doublehop-error': 'DH_STA_TIMEOUT' } }, good]),
    { code: 'DH_STA_TIMEOUT' },
  )
  await t.rejects(ask([{ ...good, status: 500 }, good]), { code: 'DH_STA_ANSWER' })
  await t.rejects(ask([{ ...good, status: 403 }, good]), { code: 'DH_STA_FORBIDDEN' })
  t.same(asked, ['a.example'], 'what was written is never written again')
  await t.rejects(ask([down, down, down]), { code: 'DH_STA_UNREACHABLE' })
})

function reply(body: Uint8Array): StaReply {
  return { status: 200, headers: {}, body }
}
