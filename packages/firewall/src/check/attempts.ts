/** Several tries at one thing, because one packet may be lost and a port of ours may be in nobody's favour. */
export interface Attempts<Answer> {
  /** when each begins, in ms from now */
  readonly starts: readonly number[]
  /**
   * One of them; undefined is silence. It ends soon when its signal is aborted, and whatever it answers from then on is
   * nobody's: it cleans up after itself.
   */
  readonly attempt: (signal: AbortSignal, index: number) => Promise<Answer | undefined>
  /** no other answer could be better */
  readonly isBest: (answer: Answer) => boolean
  /** how long those under way are still waited for after an answer that another could better, in ms */
  readonly grace: number
  /** no answer but the best ends it: all are tried, as befits whoever hopes that nobody gets through */
  readonly perseveres?: boolean
  /** gives up when aborted, and throws its reason */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs them, staggered: the first answer ends it, so that silence alone takes its time, unless told to persevere. Gives all answers in the order
 * in which they came; none when every attempt met silence. Rejects only with the reason of `signal`, or what an attempt
 * throws.
 */
export async function staggered<Answer>({
  starts,
  attempt,
  isBest,
  grace,
  perseveres = false,
  signal,
}: Attempts<Answer>): Promise<Answer[]> {
  signal?.throwIfAborted()
  const { promise: over, resolve: end, reject } = Promise.withResolvers<void>()
  const controller = new AbortController()
  const answers: Answer[] = []
  const timers: NodeJS.Timeout[] = []
  let left = starts.length
  let underWay = 0

  const settle = (answer: Answer | undefined): void => {
    underWay -= 1
    left -= 1
    if (controller.signal.aborted) return
    if (answer !== undefined) answers.push(answer)
    const isTheBest = answer !== undefined && isBest(answer)
    if (isTheBest || left === 0) end()
    else if (perseveres) return
    else if (answers.length > 0 && underWay === 0) end()
    else if (answer !== undefined && answers.length === 1) {
      // Nothing more is begun.
      for (const timer of timers) clearTimeout(timer)
      timers.push(setTimeout(end, grace))
    }
  }
  const begin = (index: number): void => {
    underWay += 1
    attempt(controller.signal, index).then(settle, reject)
  }
  const onAbort = (): void => reject(signal?.reason)
  signal?.addEventListener('abort', onAbort)
  for (const [index, start] of starts.entries()) {
    if (start <= 0) begin(index)
    else timers.push(setTimeout(begin, start, index))
  }
  try {
    await over
    return answers
  } finally {
    controller.abort()
    for (const timer of timers) clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
