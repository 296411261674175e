import { asFault, Fault, fault } from '@doublehop/errors/fault'
import { forkInside } from './fork-inside.ts'

/** What the process inside says in the end. */
type Answer<T> = { readonly answer: T } | { readonly failure: Pick<Fault, 'code' | 'details'> }
/** What it says before that. */
interface Notice {
  readonly notice: string
}

/** Asks the process inside to come to an end. */
const STOP = 'stop'

export interface ErrandOptions {
  /** called with what it tells on its way */
  readonly onNotice?: ((notice: string) => void) | undefined
  /** asks it to come to an end: it still answers */
  readonly signal?: AbortSignal | undefined
}

/**
 * Has a process inside a namespace find something out.
 *
 * @param prefix as a Namespace tells it
 * @param module path of a module that calls `answerErrand`
 * @throws Fault that it met there, DH_INTERNAL when it ended without a word
 */
export async function runErrand<Question, T>(
  prefix: readonly string[],
  module: string,
  question: Question,
  { onNotice, signal }: ErrandOptions = {},
): Promise<T> {
  const child = forkInside(prefix, module)
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  child.once('error', reject)
  child.on('message', (said: Answer<T> | Notice) => {
    if ('notice' in said) onNotice?.(said.notice)
    else if ('answer' in said) resolve(said.answer)
    else reject(new Fault(said.failure.code, said.failure.details))
  })
  child.once('exit', (code) =>
    reject(fault('DH_INTERNAL', { what: `a process in a namespace ended with ${code}` })),
  )
  child.send(question as object)
  const stop = (): boolean => child.connected && child.send(STOP)
  signal?.addEventListener('abort', stop)
  return await promise.finally(() => {
    signal?.removeEventListener('abort', stop)
    child.kill()
  })
}

/** How whoever finds something out hears of the other side, and tells it something before the end. */
export interface Errand {
  readonly signal: AbortSignal
  readonly notice: (text: string) => void
}

/** The other side: answers the one question that it is asked. */
export function answerErrand<Question, T>(
  find: (question: Question, errand: Errand) => Promise<T>,
): void {
  const over = new AbortController()
  const notice = (text: string): void => void process.send?.({ notice: text } satisfies Notice)
  process.once('disconnect', () => process.exit())
  process.on('message', (said) => said === STOP && over.abort())
  process.once('message', (question: Question) => {
    const answer = find(question, { signal: over.signal, notice }).then(
      (found): Answer<T> => ({ answer: found }),
      (error: unknown): Answer<T> => {
        const { code, details } = asFault(error)
        return { failure: { code, details } }
      },
    )
    void answer.then((said) => process.send?.(said))
  })
}
