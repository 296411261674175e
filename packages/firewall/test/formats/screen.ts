import { PassThrough } from 'node:stream'
import { WriteStream } from 'node:tty'
import type { Screen } from '../../src/formats/table.ts'

/** A file or a pipe: no colours, no width. */
export function pipe(): Screen {
  return new PassThrough()
}

/** A terminal in an environment of its own: what this process was started with (`CI`) decides nothing. */
export function terminal(columns: number, env: NodeJS.ProcessEnv = {}): Screen {
  const getColorDepth = () =>
    WriteStream.prototype.getColorDepth({ TERM: 'xterm-256color', ...env })
  return Object.assign(new PassThrough(), { columns, isTTY: true, getColorDepth })
}

/** What in a text would do more than stand there, line ends aside. */
export function wild(text: string): readonly string[] {
  return text.replaceAll('\n', '').match(/[\p{C}\p{Zl}\p{Zp}]/gu) ?? []
}
