import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fault, isFault } from '@doublehop/errors/fault'
import { type Gathered, Gatherer, type Wanted } from '@doublehop/firewall/trace/gather'
import { type Knowledge, knowledgeOf, NO_KNOWLEDGE } from '@doublehop/firewall/trace/knowledge'
import { mayBeOfServer, ServerLines } from '@doublehop/firewall/trace/server-lines'
import { dialledFrom, type Trace, traceOf } from '@doublehop/firewall/trace/trace'
import { loadSettings } from '@doublehop/settings/load'
import { fileHere } from '../file-here.ts'
import { LogFiles, labLogs } from '../log-files.ts'
import { listText, traceText } from '../trace-text.ts'

export interface TraceOptions {
  /** files of logs, `-` for standard input; left out, those of the lab */
  readonly logs?: readonly string[] | undefined
  readonly config?: string | undefined
  readonly state: string
  readonly format: 'table' | 'json'
}

/** How many sessions are listed. */
const NEWEST = 20
const LEAST_DIGITS = 6
const MOST_CANDIDATES = 5
const MOST_SHOWN = 24

/**
 * doublehop trace: what became of sessions, or without one which there were.
 *
 * @param ids session ids, or the first digits of them
 * @throws Fault DH_USAGE, DH_TRACE_SESSION, DH_TRACE_LOGS, DH_NO_LAB, DH_CONFIG…
 */
export async function trace(
  ids: readonly string[],
  options: TraceOptions,
  stream: NodeJS.WriteStream = process.stdout,
): Promise<void> {
  const prefixes = ids.map(prefixOf)
  const files = new LogFiles(options.logs ?? labLogs(options.state))
  const wanted: Wanted = prefixes.length > 0 ? { prefixes } : { newest: NEWEST }
  const gatherer = new Gatherer(wanted)
  await files.read((line) => gatherer.take(line), mayBeOfServer)

  const { found } = gatherer
  const sessions = prefixes.length > 0 ? prefixes.map((one) => theOne(one, found)) : found
  const servers = new ServerLines(dialledFrom(sessions))
  await files.readAgain((line) => servers.take(line))
  const knowledge = knowledgeFor(options)
  const traces = sessions.map((one) => traceOf(one, (place) => servers.of(place), knowledge))

  if (options.format === 'json') return void stream.write(`${asJson(traces)}\n`)
  if (prefixes.length === 0) return void stream.write(listed(traces))
  const columns = stream.isTTY ? stream.columns : undefined
  stream.write(traces.map((one) => traceText(one, stream, columns)).join('\n'))
}

function prefixOf(id: string): string {
  const prefix = id.toLowerCase()
  if (/^[0-9a-f]{6,32}$/.test(prefix)) return prefix
  const why = `a session is named by ${LEAST_DIGITS} to 32 hex digits of its id, not by ${id}`
  throw fault('DH_USAGE', { why })
}

/** The session with this prefix. @throws Fault DH_TRACE_SESSION when there is none, or more than one */
function theOne(prefix: string, found: readonly Gathered[]): Gathered {
  const matching = found.filter(({ session }) => session.startsWith(prefix))
  const [first, ...others] = matching
  const named = prefix.length > MOST_SHOWN ? `${prefix.slice(0, MOST_SHOWN)}…` : prefix
  if (first === undefined) {
    throw fault('DH_TRACE_SESSION', { session: named, why: 'no line of these logs has this id' })
  }
  if (others.length === 0) return first
  const digits = digitsThatDiffer(matching.map(({ session }) => session))
  const shown = matching.slice(0, MOST_CANDIDATES).map(({ session, began, lines: [line] }) => {
    const when = new Date(began).toISOString().slice(0, 19)
    return `${session.slice(0, digits)} (${when}, ${line?.daemon})`
  })
  const more = matching.length > MOST_CANDIDATES ? ', …' : ''
  const why = `${matching.length} begin so: ${shown.join(', ')}${more}`
  throw fault('DH_TRACE_SESSION', { session: named, why })
}

/** So many digits as it takes to tell these apart, and never a whole id, which a message would mask. */
function digitsThatDiffer(ids: readonly string[]): number {
  let digits = LEAST_DIGITS + 2
  const isClear = () => new Set(ids.map((id) => id.slice(0, digits))).size === ids.length
  while (!isClear() && digits < MOST_SHOWN) digits++
  return digits
}

/** Who is who, and which flows there are: of the configuration that belongs to these logs, if there is one. */
function knowledgeFor({ config, state, logs }: TraceOptions): Knowledge {
  if (config !== undefined) return knowledgeOf(loadSettings(config))
  const ofLab = join(state, 'doublehop.yaml')
  const file = logs === undefined && existsSync(ofLab) ? ofLab : fileHere(state)
  if (file === undefined) return NO_KNOWLEDGE
  try {
    return knowledgeOf(loadSettings(file))
  } catch (error) {
    // Nobody asked for it: a file that is being written must not keep anybody from reading logs.
    if (isFault(error)) return NO_KNOWLEDGE
    throw error
  }
}

function listed(traces: readonly Trace[]): string {
  return traces.length === 0 ? 'these logs hold no session\n' : listText(traces)
}

function asJson(traces: readonly Trace[]): string {
  const readable = (key: string, value: unknown): unknown => {
    if (typeof value !== 'number') return value
    if (key === 'began' || key === 'time') return new Date(value).toISOString()
    return key === 'ms' ? Math.round(value * 10) / 10 : value
  }
  return JSON.stringify({ doublehop: 'trace', version: 1, sessions: traces }, readable, 2)
}
