/** What stands behind the firewall of a test, on every address of the network namespace that it was started in. */
import { createSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { secureContextOptions } from '@doublehop/daemon/tls'
import { answer, greeting, readNonce } from '@doublehop/firewall/listen/language'
import { unmapped } from '@doublehop/wire/ip'
import { PORTS } from './probe-ports.ts'

const [, , certs = ''] = process.argv
const nonces: string[] = []

const open: Promise<unknown>[] = []
const listen = (server: Server, port: number): void => {
  open.push(new Promise((resolve) => server.listen(port, '::', () => resolve(undefined))))
}
const serve = (port: number, onSocket: (socket: Socket) => void): void =>
  listen(
    createServer((socket) => onSocket(socket.on('error', () => {}))),
    port,
  )

const identity = (role: string) => ({
  certificate: join(certs, role, 'tls.crt'),
  key: join(certs, role, 'tls.key'),
  ca: join(certs, role, 'ca.crt'),
})
const proxy = createTlsServer(
  { ...secureContextOptions(identity('proxy')), requestCert: true, rejectUnauthorized: true },
  (socket) =>
    socket
      .on('error', () => {})
      .once('data', () => socket.write(Uint8Array.of(5, 2)))
      .on('end', () => socket.end()),
)
listen(proxy, PORTS.proxy)

serve(PORTS.echo, (socket) => socket.pipe(socket))
serve(PORTS.mute, () => {})
serve(PORTS.web, (socket) =>
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')),
)
serve(PORTS.standIn, (socket) => {
  const { remoteAddress = '', remotePort: port = 0 } = socket
  socket.write(greeting({ address: unmapped(remoteAddress), port }))
  socket.once('data', (line) => nonces.push(readNonce(String(line)) ?? ''))
})

const udp = (
  port: number,
  reply: (said: Buffer, address: string, port: number) => Uint8Array | undefined,
): void => {
  const socket = createSocket('udp6')
  socket.on('message', (said, { address, port: from }) => {
    const bytes = reply(said, unmapped(address), from)
    if (bytes !== undefined) socket.send(bytes, from, address)
  })
  open.push(new Promise((resolve) => socket.bind(port, '::', () => resolve(undefined))))
}
/** A name server that answers nothing but REFUSED. */
udp(PORTS.dns, (said) => Buffer.from([...said.subarray(0, 2), 0x81, 0x05, ...said.subarray(4)]))
/** A clock that gives the transmit timestamp back as the origin. */
udp(PORTS.ntp, (said) => {
  const packet = Buffer.alloc(48)
  packet[0] = 0x24
  packet[1] = 2
  said.copy(packet, 24, 40, 48)
  return packet
})
udp(PORTS.standIn, (said, address, port) => {
  const nonce = readNonce(String(said))
  return nonce === undefined ? undefined : Buffer.from(answer(nonce, { address, port }))
})
udp(PORTS.mute, () => undefined)
udp(PORTS.web, () => Buffer.from('hello, whoever you are'))

await Promise.all(open)
process.stdout.write('{}\n')
process.stdin.on('data', () => process.stdout.write(`${JSON.stringify(nonces)}\n`))
process.stdin.on('end', () => process.exit())
