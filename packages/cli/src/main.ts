import { asFault } from '@doublehop/errors/fault'
import { CommanderError } from 'commander'
import { program } from './program.ts'

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 78 configuration (sysexits.h). */
const EXIT = { failed: 1, usage: 2, configuration: 78 } as const

/** The doublehop command. @returns its exit code */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.usage
    const { code, message, action, class: kind, cause } = asFault(error)
    process.stderr.write(`doublehop: ${message}\n  ${code} · ${action}\n`)
    if (code === 'DH_INTERNAL' && cause instanceof Error) process.stderr.write(`${cause.stack}\n`)
    if (kind === 'usage') return EXIT.usage
    return kind === 'configuration' ? EXIT.configuration : EXIT.failed
  }
}
