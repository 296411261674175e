import type { Socket } from 'node:dgram'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { unmapped } from '@doublehop/wire/ip'
import type { Arrivals } from './arrivals.ts'
import { answer, DATAGRAM_BYTES, readNonce } from './language.ts'

/**
 * Answers the nonces that come, each with what was seen of its source. An answer is never longer than what asked for
 * it, and there is a bound on how many leave in a second: a source is easily forged.
 */
export function answerDatagrams(
  socket: Socket,
  at: string,
  arrivals: Arrivals,
  perSecond: number,
): void {
  let second = 0
  let answers = 0
  socket.on('message', (message, { address: told, port }) => {
    const address = unmapped(told)
    const from = formatEndpoint({ host: address, port })
    const text = message.length > DATAGRAM_BYTES ? '' : message.toString('latin1')
    const nonce = readNonce(text)
    arrivals.tell(
      arrivals.add({ protocol: 'udp', at, from, state: 'datagram', ...(nonce && { nonce }) }),
    )
    if (nonce === undefined || port === 0) return
    const now = Math.floor(performance.now() / 1000)
    if (now !== second) answers = 0
    second = now
    answers += 1
    const reply = answer(nonce, { address, port })
    if (reply.length <= message.length && answers <= perSecond) socket.send(reply, port, told)
  })
}
