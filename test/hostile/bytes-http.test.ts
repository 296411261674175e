import t, { type Test } from 'tap'
import type { End } from '../kit/ends.ts'
import { answersIn } from '../kit/http-answers.ts'
import { type HttpService, HttpServices } from '../kit/http-services.ts'
import { smugglings } from '../kit/smuggling.ts'

/**
 * A request that may be read in two ways is refused, or answered once; what hides in it is never done, and the next
 * connection is as good as any.
 */

const REFUSALS = [400, 403, 404, 405, 408, 413, 414, 415, 417, 431, 501, 505]
/** The longest refusal, headers and all. */
const LONGEST_ANSWER = 512

t.setTimeout(300_000)

t.test('two readings of one request', async (t) => {
  const services = await HttpServices.open(t)
  for (const service of services.all) {
    t.test(service.name, async (t) => {
      const names = Object.keys(smugglings(service, ''))
      // Few at once: the handshakes of many would wait for each other longer than a request may.
      for (let at = 0; at < names.length; at += 8)
        await Promise.all(names.slice(at, at + 8).map((name) => attempt(t, service, name)))
    })
  }
})

async function attempt(t: Test, service: HttpService, name: string): Promise<void> {
  const hidden = await service.hidden()
  const end = await service.open()
  end.say(Buffer.from(smugglings(service, hidden.request)[name] ?? '', 'latin1'))
  await answeredOrOver(end, 1)
  // Whatever still comes of what was said before stands before the answer to this.
  const { request, status } = service.probe
  if (!end.ended && !end.closed) end.say(request)
  await end.until(() => end.ended || end.closed || statuses(end).includes(status))
  end.destroy()

  const answers = statuses(end).filter((one) => one !== status)
  const refused = answers.length === 0 || REFUSALS.includes(answers[0] ?? 0)
  t.ok(answers.length <= 1, `${name}: answered ${answers.join(' and ') || 'by the end alone'}`)
  t.ok(refused || answers[0] === 200, `${name}: ${refused ? 'refused' : 'answered'}`)
  t.ok(end.heard.length <= 2 * LONGEST_ANSWER + 20_000)
  t.notOk(await hidden.wasDone(), `${name}: what hides in it is not done`)
  const next = await service.open()
  next.say(request)
  await answeredOrOver(next, 1)
  t.same(statuses(next), [status], `${name}: the next connection is good`)
  next.destroy()
}

function statuses(end: End): number[] {
  return answersIn(end.heard).map((answer) => answer.status)
}

async function answeredOrOver(end: End, count: number): Promise<void> {
  await end.until(() => end.ended || end.closed || statuses(end).length >= count)
}
