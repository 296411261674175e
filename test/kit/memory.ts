import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

/** Bytes of buffers that are really in use. */
export function buffersInUse(): number {
  collect()
  return process.memoryUsage().arrayBuffers
}

/** Bytes of JavaScript objects that are really in use. */
export function heapInUse(): number {
  collect()
  return process.memoryUsage().heapUsed
}
