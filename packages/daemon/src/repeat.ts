/** Work that is done again and again until it is stopped. */
export interface Repeated {
  stop(): void
}

/** Does something now, and again so long after it was done: rounds never overlap. @param work never rejects */
export function repeat(milliseconds: number, work: () => Promise<void>): Repeated {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const round = (): void =>
    void work().then(() => {
      if (!stopped) timer = setTimeout(round, milliseconds)
    })
  round()
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
