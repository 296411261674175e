/** Opens connections that mean no good and keeps up their number: see `Attack`. */
import { randomBytes } from 'node:crypto'
import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls, createSecureContext } from 'node:tls'
import type { Attack } from './hostile-clients.ts'

const attack = JSON.parse(process.argv[2] ?? '') as Attack
/** Who is cut at once comes again after a while, who has held its place for long soon. */
const ROUND_MILLISECONDS = 6000
/** Every 50 ms: not all of them in one moment. */
const AT_ONCE = 50
const CONTEXT = createSecureContext()
/** The beginning of a ClientHello of 512 bytes. */
const HELLO = Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])

/** What one does with its connection, before TLS or behind it, and again with the next when it has lost it. */
const KINDS: readonly { readonly tls: boolean; readonly act: (socket: Socket) => void }[] = [
  { tls: false, act: () => {} },
  { tls: false, act: sayGarbage },
  { tls: false, act: (socket) => sayBytes(socket, HELLO) },
  { tls: true, act: () => {} },
  { tls: true, act: sayGarbage },
  { tls: true, act: (socket) => sayBytes(socket, Buffer.from([5, 255, 1])) },
]

let open = 0
let opened = 0

function attackAs(client: number): void {
  const localAddress = attack.from[client % attack.from.length]
  const kind = KINDS[client % KINDS.length]
  const raw = connectTcp({ ...attack.at, ...(localAddress !== undefined && { localAddress }) })
  const began = performance.now()
  let isOpen = false
  const ready = (socket: Socket) => (): void => {
    isOpen = true
    open++
    opened++
    kind?.act(socket)
  }
  const again = (): void => {
    if (isOpen) open--
    const left = Math.max(1000, ROUND_MILLISECONDS - (performance.now() - began))
    setTimeout(() => attackAs(client), left * (0.5 + Math.random()))
  }
  raw
    .on('error', () => {})
    .once('close', again)
    .resume()
  if (kind?.tls) {
    const secure = connectTls({ socket: raw, secureContext: CONTEXT, rejectUnauthorized: false })
    secure.on('error', () => {}).once('secureConnect', ready(secure))
    secure.resume()
  } else raw.once('connect', ready(raw))
}

function sayGarbage(socket: Socket): void {
  socket.write(randomBytes(2000))
}

/** One a second, and the last one for ever. */
function sayBytes(socket: Socket, bytes: Buffer): void {
  let next = 0
  const timer = setInterval(() => {
    const at = Math.min(next++, bytes.length - 1)
    socket.write(bytes.subarray(at, at + 1))
  }, 1000)
  socket.once('close', () => clearInterval(timer))
}

let begun = 0
const opening = setInterval(() => {
  for (let n = 0; n < AT_ONCE && begun < attack.clients; n++) attackAs(begun++)
  if (begun === attack.clients) clearInterval(opening)
}, 50)
setInterval(() => process.send?.({ open, opened }), 500)
process.once('disconnect', () => process.exit())
