import { type ChildProcess, fork } from 'node:child_process'

/**
 * Starts a module as a process inside a namespace, with messages to and fro. Ctrl-C does not reach it, and it ends
 * itself when we are gone, provided that it answers `disconnect` so.
 *
 * @param prefix as a Namespace tells it; empty where this process is there already
 * @param module its path
 */
export function forkInside(
  prefix: readonly string[],
  module: string,
  args: readonly string[] = [],
): ChildProcess {
  const [program, ...inside] = [...prefix, process.execPath] as const
  return fork(module, args, {
    execPath: program,
    execArgv: inside,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    detached: true,
  })
}
