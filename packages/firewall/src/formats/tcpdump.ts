import { printable } from './printable.ts'

/**
 * A command that shows the packets of a finding, ready to be pasted into a shell. The filter may come from another
 * host's file, so nothing in it leaves its quotes.
 */
export function tcpdumpCommand(capture: string): string {
  return `tcpdump -ni any '${printable(capture).replaceAll("'", "'\\''")}'`
}
