import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Test } from 'tap'

const PORT = 53
const TYPE_A = 1
const NAME_ERROR = 3

/**
 * A name server (RFC 1035) that knows every name, by one IPv4 address, and of no other type. It needs the right to
 * take port 53, and ends with the test.
 *
 * @param host where it listens: an address of loopback that nobody else uses
 */
export async function nameServer(test: Test, host: string, address: string): Promise<void> {
  const socket = createSocket('udp4')
  socket.on('message', (query, { address: asker, port }) => {
    const end = endOfQuestion(query)
    if (end === undefined) return
    const known = query.readUInt16BE(end - 4) === TYPE_A
    const head = Buffer.from(query.subarray(0, 12))
    head.writeUInt16BE(0x8180 | (known ? 0 : NAME_ERROR), 2)
    head.writeUInt16BE(known ? 1 : 0, 6)
    head.fill(0, 8)
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...octets(address)])
    const question = query.subarray(12, end)
    socket.send(Buffer.concat([head, question, ...(known ? [answer] : [])]), port, asker)
  })
  test.teardown(() => socket.close())
  socket.bind(PORT, host)
  await once(socket, 'listening')
}

/** Where the first question of a query ends: behind its name, type and class. */
function endOfQuestion(query: Buffer): number | undefined {
  let at = 12
  while (query[at] !== undefined && query[at] !== 0) at += (query[at] ?? 0) + 1
  return at + 5 <= query.length ? at + 5 : undefined
}

function octets(address: string): number[] {
  return address.split('.').map(Number)
}
