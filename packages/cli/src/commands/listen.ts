import { setTimeout as delay } from 'node:timers/promises'
import { fault } from '@doublehop/errors/fault'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { type Listening, openListeners } from '@doublehop/firewall/listen/listen'
import { type Place, placesOf } from '@doublehop/firewall/listen/places'
import { listenResultOf } from '@doublehop/firewall/listen/result'
import { arrivalHead, arrivalLine, placesTable } from '@doublehop/firewall/listen/table'
import type { Zone } from '@doublehop/settings/zones'
import { canonicalHost } from '@doublehop/wire/endpoint'
import { type ConfigurationOptions, loadConfiguration } from '../configuration-file.ts'
import { readPlan } from '../result-files.ts'

export interface ListenCommandOptions extends ConfigurationOptions {
  readonly zone: Zone
  /** plans of other zones, whose probes lead into this one */
  readonly plan?: readonly string[] | undefined
  /** at these addresses alone */
  readonly at?: readonly string[] | undefined
  readonly format: 'table' | 'jsonl' | 'json'
  /** seconds; left out, until Ctrl-C */
  readonly for?: number | undefined
}

/** What a timer of Node can hold: 24 days. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * doublehop listen: stands in for the daemons of a zone, until Ctrl-C or for a time. @returns the exit code
 *
 * @throws Fault DH_USAGE, DH_CONFIG…, DH_NO_LAB, DH_FW_FILE, DH_FW_LISTEN and those of flowsOf
 */
export async function listen(options: ListenCommandOptions): Promise<number> {
  const { zone, format } = options
  const places = wantedPlaces(options)
  const over = new AbortController()
  const ended = endOf(over, options.for)
  const started = Date.now()
  const listening = await openListeners(places, {
    onArrival: (arrival) => {
      if (format === 'table') say(arrivalLine(arrival))
      if (format === 'jsonl') say(JSON.stringify(arrival))
    },
  })
  try {
    refuseNowhere(zone, listening)
    // Where every line of the output is data, people still learn what is waited at.
    const told = placesTable(zone, listening.places)
    if (format === 'table') process.stdout.write(`${told}\n${arrivalHead()}\n`)
    else process.stderr.write(told)
    await ended
    if (format === 'json') say(JSON.stringify(listenResultOf(listening, zone, started)))
    else if (listening.givenUp > 0) process.stderr.write(`${listening.givenUp} older given up\n`)
    return 0
  } finally {
    over.abort()
    await listening.close()
  }
}

function wantedPlaces({ zone, at, plan, ...where }: ListenCommandOptions): Place[] {
  const flows = plan?.flatMap((file) => readPlan(file).probes) ?? flowsOf(loadConfiguration(where))
  const all = placesOf(flows, zone)
  if (all.length === 0)
    throw fault('DH_FW_LISTEN', { zone, why: 'no flow of the configuration leads into it' })
  if (at === undefined) return all
  const wanted = at.map(addressOf)
  const found = all.filter(({ address }) => wanted.includes(address))
  if (found.length > 0) return found
  throw fault('DH_FW_LISTEN', { zone, why: `no flow leads to ${wanted.join(' or ')}` })
}

function addressOf(text: string): string {
  const address = canonicalHost(text)
  if (address === undefined)
    throw fault('DH_USAGE', { why: `--at wants an IP address, not ${text}` })
  return address
}

/** Asked for from the first moment on: whoever stops it early still gets its result. */
async function endOf(over: AbortController, seconds: number | undefined) {
  const stop = (): void => over.abort()
  process.once('SIGINT', stop).once('SIGTERM', stop)
  process.stdout.once('error', stop)
  const milliseconds = seconds === undefined ? LONGEST_TIMER_MS : seconds * 1000
  await delay(milliseconds, undefined, { signal: over.signal }).catch(() => {})
}

function refuseNowhere(zone: Zone, { places }: Listening): void {
  // Beside a daemon it still sees connections that stay half open.
  if (places.some(({ state }) => state === 'listening' || state === 'daemon there')) return
  const states = new Set(places.map(({ address, state }) => `${address}: ${state}`))
  throw fault('DH_FW_LISTEN', { zone, why: [...states].slice(0, 5).join(', ') })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
