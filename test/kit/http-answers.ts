/** An HTTP answer among the bytes of a connection. */
export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: Buffer
}

/** The whole answers in these bytes, one behind the other; interim ones (1xx) are none. */
export function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n\r\n', at)
    if (end < 0) return answers
    const head = bytes.subarray(at, end + 4).toString('latin1')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1] ?? Number.NaN)
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0)
    const from = end + 4
    if (bytes.length < from + length) return answers
    at = from + length
    if (status >= 100 && status < 200) continue
    answers.push({ status, head, body: bytes.subarray(from, at) })
  }
}
