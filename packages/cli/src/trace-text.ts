import { styleText } from 'node:util'
import { STEPS } from '@doublehop/daemon/steps'
import { firewallsText } from '@doublehop/firewall/flows/flow'
import type { TracedStep } from '@doublehop/firewall/trace/rows'
import type { Ending, Trace } from '@doublehop/firewall/trace/trace'
import { stepTable } from './step-table.ts'
import { table } from './table.ts'

/** A trace for people. @param columns the width to keep; left out, as wide as it needs */
export function traceText(trace: Trace, stream: NodeJS.WriteStream, columns?: number): string {
  const { session, began, client, steps } = trace
  const way = [client ?? 'client not seen', serverText(trace)].filter((one) => one !== '')
  const bold = (text: string): string => styleText('bold', text, { stream })
  return [
    `${bold(`session ${session}`)}\n`,
    `  ${dayOf(began)} ${timeOf(began)} UTC · ${way.join(' → ')}\n\n`,
    stepTable(
      steps.map((row) => stepRow(row)),
      stream,
      columns,
    ),
    ...[stopText(trace, stream, columns), aside(trace), warnings(trace, columns)]
      .filter((text) => text !== '')
      .map((text) => `\n${text}`),
  ].join('')
}

/** Traces as one line each, the newest last. */
export function listText(traces: readonly Trace[]): string {
  const rows = traces.map((trace) => [
    trace.session.slice(0, 8),
    `${dayOf(trace.began)} ${timeOf(trace.began)}`,
    trace.client ?? '',
    serverText(trace),
    reached(trace),
    outcome(trace),
  ])
  return table(['SESSION', 'BEGAN (UTC)', 'CLIENT', 'TO', 'REACHED', 'OUTCOME'], rows)
}

function serverText({ app, server }: Trace): string {
  return [app, server].filter((one) => one !== undefined).join(' ')
}

function stepRow({ step, name, state, of, daemon, began, ms, route, detail, times }: TracedStep) {
  const told = [began === undefined ? '' : timeOf(began), daemon ?? '']
  const row = { step, name, told, route: route ?? '', ...(ms !== undefined && { ms }) }
  switch (state) {
    case 'done':
      return { ...row, detail: `${detail}${times === undefined ? '' : `, ${times} times`}` }
    case 'stopped':
      return { ...row, detail: detail ?? '', look: 'stopped' as const }
    case 'not-observed':
      return {
        ...row,
        detail: detail ?? `not observed: no line of the ${of}`,
        look: 'missing' as const,
      }
    default:
      return { ...row, detail: state.replace('-', ' '), look: 'missing' as const }
  }
}

function stopText(
  { stop, standing }: Trace,
  stream: NodeJS.WriteStream,
  columns: number | undefined,
): string {
  if (stop === undefined) return ''
  const { step, code, message, daemon, action, gaveUp, time } = stop
  const waited = gaveUp === undefined ? '' : `, and the ${gaveUp} waited no longer`
  const head = `stopped in step ${step} ${nameOf(step)}`
  const said = wrapped(`${head}${waited}: ${message}`, columns, 2)
  const text = `${styleText(['bold', 'red'], head, { stream })}${said.slice(head.length)}`
  const told = `${text}  ${code}, says ${daemon} at ${timeOf(time)}\n`
  if (standing === undefined) return `${told}${wrapped(`  ${action}`, columns, 2)}`
  const { firewalls, from, to, sentence, next } = standing
  const where = `  ${firewallsText(firewalls)} between ${from} and ${to}: ${sentence}`
  return `${told}${wrapped(where, columns, 2)}  next: ${styleText('bold', next, { stream })}\n`
}

/** What others say of it, and how each daemon saw it end. */
function aside({ seen, endings }: Trace): string {
  const rows = [
    ...seen.map(({ daemon, time, what }) => [daemon, time, what] as const),
    ...endings.map((ending) => [ending.daemon, ending.time, endingText(ending)] as const),
  ]
  const width = Math.max(0, ...rows.map(([daemon]) => daemon.length))
  return rows
    .map(([daemon, time, what]) => `  ${daemon.padEnd(width)}  ${timeOf(time)}  ${what}\n`)
    .join('')
}

function warnings({ clocks, strangers }: Trace, columns: number | undefined): string {
  return [
    ...clocks.map(({ daemon, reference, milliseconds }) => {
      const side = milliseconds > 0 ? 'ahead of' : 'behind'
      const seconds = (Math.abs(milliseconds) / 1000).toFixed(1)
      return `! the clock of ${daemon} is ${seconds} s ${side} that of ${reference}; times stand as each wrote them`
    }),
    ...strangers.map(
      ({ daemon, peerName, peer, lines }) =>
        `! left out: ${lines} ${lines === 1 ? 'line' : 'lines'} of ${daemon} with this id, caused by ${peerName} at ${peer}, to whom it does not belong`,
    ),
  ]
    .map((text) => wrapped(text, columns, 2))
    .join('')
}

const CLOSED_BY: Readonly<Record<string, string>> = {
  'client-closed': 'the client ended it',
  'server-closed': 'the server ended it',
  'idle-timeout': 'no byte came for limits.idle',
  drain: 'this daemon was stopped',
}

function endingText({ reason, bytesUp, bytesDown, ms }: Ending): string {
  const open = `${(ms / 1000).toFixed(1)} s`
  if (reason?.startsWith('error:DH_')) return `launch failed after ${open}: ${reason.slice(6)}`
  const carried = `open ${open}, ${bytesUp} bytes up, ${bytesDown} down`
  if (reason === undefined) return `closed; ${carried}`
  return `${CLOSED_BY[reason] ?? `it broke: ${reason.replace('error:', '')}`}; ${carried}`
}

function reached({ stop, steps }: Trace): string {
  if (stop !== undefined) return `${stop.step} ${nameOf(stop.step)}`
  const last = steps.findLast(({ state }) => state === 'done')
  return last === undefined ? '' : `${last.step} ${last.name}`
}

function outcome({ stop, standing, endings, steps }: Trace): string {
  if (stop !== undefined) {
    const where = standing === undefined ? '' : `, ${firewallsText(standing.firewalls)}`
    return `${stop.code}${where}`
  }
  const [ending] = endings
  if (ending !== undefined) return endingText(ending)
  return steps.some(({ state, step }) => step === 9 && state === 'done') ? 'open' : 'under way'
}

function nameOf(step: number): string {
  return STEPS[step - 1] ?? ''
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

/** `22:51:07.218`, UTC. */
function timeOf(time: number): string {
  return new Date(time).toISOString().slice(11, 23)
}

/** The same in lines that are not too long, those after the first one indented. */
function wrapped(text: string, columns = Infinity, indent: number): string {
  let line = ''
  const lines: string[] = []
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > columns && line.trim() !== '') {
      lines.push(line.trimEnd())
      line = ' '.repeat(indent)
    }
    line += `${word} `
  }
  return `${[...lines, line.trimEnd()].join('\n')}\n`
}
