import type { Socket } from 'node:net'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import { unmapped } from '@doublehop/wire/ip'
import { COMMANDS, LINE_BYTES, readCommand } from '../deep/language.ts'
import type { DeepService } from '../deep/service.ts'
import { Talk } from '../deep/talk.ts'
import type { Arrivals, Entry } from './arrivals.ts'
import { greeting, readNonce } from './language.ts'

/** An arrival is told at once when its nonce is there, and without one after so long. */
const TELL_AFTER_MS = 1000

/** One connection: it is greeted, may leave a nonce, and may ask for what deep checks need. Never throws. */
export async function visit(
  socket: Socket,
  entry: Entry,
  arrivals: Arrivals,
  deep: DeepService,
  patienceMs: number,
): Promise<void> {
  let told = false
  const tell = (): void => {
    if (!told) arrivals.tell(entry)
    told = true
  }
  const timer = setTimeout(tell, TELL_AFTER_MS)
  try {
    await converse(new Talk(socket), entry, tell, deep, patienceMs)
  } catch {
    // However a visit goes wrong, it ends that visit alone.
  } finally {
    clearTimeout(timer)
    tell()
    leave(socket, patienceMs)
  }
}

async function converse(
  talk: Talk,
  entry: Entry,
  tell: () => void,
  deep: DeepService,
  patienceMs: number,
): Promise<void> {
  const visitor = deep.visitor(talk)
  await talk.write(greeting(peerOf(talk.socket)), patienceMs)
  let patience = patienceMs
  for (let lines = 0; lines < COMMANDS; lines++) {
    const line = await talk.line(patience, LINE_BYTES)
    const nonce = readNonce(`${line}\r\n`)
    if (nonce !== undefined) {
      entry.nonce ??= nonce
      tell()
      continue
    }
    const command = readCommand(line)
    const next = command && (await visitor.serve(command))
    if (next === undefined) return
    patience = Math.max(next, patienceMs)
  }
}

/** Ends our half; who does not end its own is cut off. */
function leave(socket: Socket, patienceMs: number): void {
  if (socket.destroyed) return
  socket.end()
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), patienceMs)
  socket.once('end', () => socket.destroySoon()).once('close', () => clearTimeout(timer))
  if (socket.readableEnded) socket.destroySoon()
}

/** Where a connection came from; one that was reset at once has no source any more. */
function peerOf(socket: Socket): { readonly address: string; readonly port: number } {
  const { remoteAddress, remotePort = 0 } = socket
  return {
    address: remoteAddress === undefined ? 'unknown' : unmapped(remoteAddress),
    port: remotePort,
  }
}

export function peerText(socket: Socket): string {
  const { address, port } = peerOf(socket)
  return address === 'unknown' ? address : formatEndpoint({ host: address, port })
}
