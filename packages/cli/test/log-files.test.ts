import { Readable } from 'node:stream'
import t from 'tap'
import { eachLine } from '../src/log-files.ts'

async function linesOf(chunks: readonly (string | Buffer)[]): Promise<string[]> {
  const lines: string[] = []
  const bytes = chunks.map((chunk) => Buffer.from(chunk))
  await eachLine(Readable.from(bytes, { objectMode: false }), (line) => lines.push(line))
  return lines
}

t.test('lines come whole, in whatever pieces they are read', async (t) => {
  const text = 'one\ntwo → three\n\nfour\n'
  const bytes = Buffer.from(text)
  for (const size of [1, 2, 3, 7, 100]) {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    )
    t.same(await linesOf(pieces), ['one', 'two → three', '', 'four'], `${size} bytes at a time`)
  }
})

t.test('the last line may have no end', async (t) => {
  t.same(await linesOf(['one\nhal']), ['one', 'hal'])
  t.same(await linesOf([]), [])
})

t.test('a line that is too long is left out, and not held', async (t) => {
  const long = 'x'.repeat(70_000)
  t.same(await linesOf([`one\n${long}\ntwo\n`]), ['one', 'two'], 'in one piece')
  t.same(await linesOf(['one\n', ...Array<string>(100).fill(long), '\ntwo\n']), ['one', 'two'])
  t.same(await linesOf(['one\n', long]), ['one'], 'at the end')
})

t.test('a hundred megabytes are read without being held', async (t) => {
  let lines = 0
  const line = `${'y'.repeat(999)}\n`
  const chunk = Buffer.from(line.repeat(1000))
  const source = Readable.from(
    (function* () {
      for (let at = 0; at < 100; at++) yield chunk
    })(),
    { objectMode: false },
  )
  const before = process.memoryUsage().rss
  await eachLine(source, () => lines++)
  t.equal(lines, 100_000)
  t.ok(process.memoryUsage().rss - before < 80_000_000)
})
