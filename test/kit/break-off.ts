import type { Socket } from 'node:net'

/** RST; but while a FIN is on its way out libuv refuses to reset, and Node then forgets the socket without closing it. */
export function breakOff(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy()
  else socket.resetAndDestroy()
}
