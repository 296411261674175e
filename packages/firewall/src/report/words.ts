import type { Zone } from '@doublehop/settings/zones'
import type { Row, Verdict } from '../check/result.ts'
import type { Firewall } from '../flows/paths.ts'
import { html, type Markup } from './markup.ts'

/** Zones as people write them. */
export const ZONE_TITLES: Readonly<Record<Zone, string>> = {
  internet: 'Internet',
  lan: 'LAN',
  dmz1: 'DMZ 1',
  dmz2: 'DMZ 2',
  internal: 'Internal',
  management: 'Management',
}

export const FIREWALL_SIGNS: Readonly<Record<Firewall, string>> = { 1: '①', 2: '②', 3: '③' }

/** `①②`, in the order in which a packet meets them. */
export function firewallSigns(firewalls: readonly Firewall[]): string {
  return firewalls.map((one) => FIREWALL_SIGNS[one]).join('')
}

/** How a verdict looks; colour is never the only sign of it. */
export interface Look {
  readonly style: 'pass' | 'shut' | 'blocked' | 'leak' | 'unknown' | 'skip'
  readonly sign: string
  readonly word: string
}

const LOOKS: Readonly<Record<Exclude<Verdict, 'PASS'>, Look>> = {
  LEAK: { style: 'leak', sign: '!', word: 'leak' },
  BLOCKED: { style: 'blocked', sign: '✕', word: 'blocked' },
  UNKNOWN: { style: 'unknown', sign: '?', word: 'unknown' },
  SKIP: { style: 'skip', sign: '–', word: 'not run' },
}

/** A forbidden flow that is shut looks quieter than a needed one that passes: both are PASS. */
export function lookOf({ verdict, flow }: Pick<Row, 'verdict' | 'flow'>): Look {
  if (verdict !== 'PASS') return LOOKS[verdict]
  return flow.expect === 'allow'
    ? { style: 'pass', sign: '✓', word: 'passes' }
    : { style: 'shut', sign: '✓', word: 'shut' }
}

/** How a verdict that is of no flow looks. */
export function lookOfVerdict(verdict: Verdict): Look {
  return verdict === 'PASS' ? { style: 'pass', sign: '✓', word: 'passes' } : LOOKS[verdict]
}

/** Sign and word in the verdict's colour. */
export function chip({ style, sign, word }: Look): Markup {
  return html`<span class="chip ${style}"><span class="sign" aria-hidden="true">${sign}</span> ${word}</span>`
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerated(names: readonly string[]): string {
  if (names.length < 2) return names.join('')
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

/** `1 flow`, `2 flows`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
