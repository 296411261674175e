/** Observes what it is told to on its input, from the network namespace that it was started in. */
import { createInterface } from 'node:readline'
import { observe } from '@doublehop/firewall/check/observe'
import { openWitness } from '@doublehop/firewall/check/witness'
import type { ObserveAsk, Timed } from './probe-net.ts'

const seeing = await openWitness()
const say = (what: unknown): void => void process.stdout.write(`${JSON.stringify(what)}\n`)
say({ witness: seeing !== undefined })

const answer = async ({
  id,
  probes,
  timeoutMilliseconds,
  witness,
}: ObserveAsk & { id: number }) => {
  const options = { timeoutMilliseconds, ...(witness && seeing && { witness: seeing }) }
  const timed = probes.map(async (probe): Promise<Timed> => {
    const began = performance.now()
    const observation = await observe(probe, options)
    return { observation, milliseconds: performance.now() - began }
  })
  say({ id, timed: await Promise.all(timed) })
}
for await (const line of createInterface({ input: process.stdin }))
  void answer(JSON.parse(line) as ObserveAsk & { id: number })
seeing?.close()
