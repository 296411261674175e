/**
 * Loaded first into a daemon, it makes a second of the minute after which the kernel asks a silent peer, of the ten
 * seconds between two questions, and of the half minute after which a splice looks after its sides.
 */
import { Socket } from 'node:net'

type SetKeepAlive = (
  this: Socket,
  on: boolean,
  delay: number,
  interval: number,
  count: number,
) => Socket
const setKeepAlive = Reflect.get(Socket.prototype, 'setKeepAlive') as SetKeepAlive
const hasty: SetKeepAlive = function (on, delay, interval, count) {
  const isOurs = delay === 60_000 && interval === 10_000
  return setKeepAlive.call(this, on, isOurs ? 1000 : delay, isOurs ? 1000 : interval, count)
}
Socket.prototype.setKeepAlive = hasty as Socket['setKeepAlive']

const { setInterval } = globalThis
const shortened = (callback: () => void, milliseconds: number): NodeJS.Timeout =>
  setInterval(callback, milliseconds === 30_000 ? 1000 : milliseconds)
globalThis.setInterval = shortened as typeof globalThis.setInterval
