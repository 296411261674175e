import { readFileSync } from 'node:fs'

/** As the kernel writes them: a connection that is open, and one that only this side has not closed yet. */
const ESTABLISHED = '01'
const CLOSE_WAIT = '08'

/** How many connections to this port of IPv4 somebody on this host has accepted and holds, as the kernel tells. */
export function acceptedAt(port: number): number {
  const [, ...lines] = readFileSync('/proc/net/tcp', 'latin1').trimEnd().split('\n')
  return lines.filter((line) => {
    const [, local = '', , state = ''] = line.trim().split(/\s+/)
    const isHeld = state === ESTABLISHED || state === CLOSE_WAIT
    return isHeld && Number.parseInt(local.split(':')[1] ?? '', 16) === port
  }).length
}
