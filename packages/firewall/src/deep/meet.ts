import { connect, type Socket } from 'node:net'
import { GREETING_BYTES, readGreeting, type SeenSource } from '../listen/language.ts'
import { type Command, commandLine, LINE_BYTES } from './language.ts'
import { Talk, TalkOver } from './talk.ts'

/** Where `doublehop listen` is to be met, and from where. */
export interface Far {
  readonly address: string
  readonly port: number
  /** the source address; left out, the kernel's choice */
  readonly from?: string | undefined
  /** how long an answer may take */
  readonly timeoutMs: number
  /** how long the connection itself may take; left out, as long as an answer */
  readonly connectMs?: number
}

/** Why nobody was met. */
export class NotMet extends Error {
  /** `daemon`: something answers or listens, and does not greet; otherwise the kernel's word, or ETIMEDOUT */
  readonly how: 'daemon' | (string & {})

  constructor(how: string) {
    super(how)
    this.how = how
  }
}

export interface Met {
  readonly talk: Talk
  /** our source as the far end saw it */
  readonly seen: SeenSource
}

/** Connects, without keep-alive, and reads the greeting. @throws NotMet */
export async function meet(far: Far): Promise<Met> {
  const socket = await connected(far)
  const talk = new Talk(socket)
  try {
    const seen = readGreeting(`${await talk.line(far.timeoutMs, GREETING_BYTES)}\r\n`)
    if (seen !== undefined) return { talk, seen }
  } catch (error) {
    if (!(error instanceof TalkOver)) throw error
  }
  socket.destroy()
  throw new NotMet('daemon')
}

/** As meet; a second time where the first one was lost. @throws NotMet */
export async function meetAgain(far: Far): Promise<Met> {
  try {
    return await meet(far)
  } catch {
    return await meet(far)
  }
}

/** Says a command, and reads the line that answers it. @throws TalkOver */
export async function ask(talk: Talk, command: Command, timeoutMs: number): Promise<string> {
  await talk.write(commandLine(command), timeoutMs)
  return await talk.line(timeoutMs, LINE_BYTES)
}

function connected({
  address: host,
  port,
  from,
  timeoutMs,
  connectMs = timeoutMs,
}: Far): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const localAddress = from === undefined ? {} : { localAddress: from }
  const socket = connect({ host, port, ...localAddress, allowHalfOpen: true, noDelay: true })
  const timer = setTimeout(() => {
    socket.destroy()
    reject(new NotMet('ETIMEDOUT'))
  }, connectMs)
  socket
    .once('connect', () => resolve(socket))
    .on('error', (error: NodeJS.ErrnoException) => reject(new NotMet(error.code ?? error.message)))
  return promise.finally(() => clearTimeout(timer))
}
