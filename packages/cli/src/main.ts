import { asFault } from '@doublehop/errors/fault'
import { CommanderError } from 'commander'
import { program } from './program.ts'
import { PRINTING_COMMANDS, VERDICT_COMMANDS } from './program-firewalls.ts'

/** Exit codes: 0 done, 1 failed, 2 wrong usage, 78 configuration (sysexits.h). Where 1 and 2 are verdicts, 3 is for all that. */
const EXIT = { failed: 1, usage: 2, noVerdict: 3, configuration: 78 } as const

/** The doublehop command. @returns its exit code */
export async function main(argv: readonly string[]): Promise<number> {
  const command = argv[2] ?? ''
  const exitIsVerdict = VERDICT_COMMANDS.includes(command)
  if (PRINTING_COMMANDS.includes(command)) process.stdout.on('error', unlessNobodyReads)
  if (exitIsVerdict) process.once('uncaughtException', withoutVerdict)
  try {
    await program().parseAsync(argv)
    return Number(process.exitCode ?? 0)
  } catch (error) {
    const usage = exitIsVerdict ? EXIT.noVerdict : EXIT.usage
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usage
    const { code, message, action, class: kind, cause } = asFault(error)
    process.stderr.write(`doublehop: ${message}\n  ${code} · ${action}\n`)
    if (code === 'DH_INTERNAL' && cause instanceof Error) process.stderr.write(`${cause.stack}\n`)
    if (exitIsVerdict) return EXIT.noVerdict
    if (kind === 'usage') return EXIT.usage
    return kind === 'configuration' ? EXIT.configuration : EXIT.failed
  }
}

function unlessNobodyReads(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

/** Node would end with 1, and that is a verdict. */
function withoutVerdict(error: Error): void {
  process.stderr.write(`doublehop: ${error.stack ?? error.message}\n`)
  process.exit(EXIT.noVerdict)
}
