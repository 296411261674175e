import { type Code, catalogue } from '@doublehop/errors/catalogue'

/** How the network showed itself to who wanted to pass. */
export type Symptom =
  /** no answer at all */
  | 'silence'
  /** an answer: nobody listens there */
  | 'refused'
  /** an answer from the way: there is no way */
  | 'unreachable'
  /** the connection opened, and then nothing came, or it broke */
  | 'mute'
  | 'broke'
  /** the connection opened, and TLS did not */
  | 'tls'
  /** the name leads nowhere */
  | 'name'
  /** nobody told */
  | 'unknown'

export interface Cause {
  readonly symptom: Symptom
  /** `address:port` that was tried */
  readonly address?: string
}

/** Codes that say it themselves. */
const BY_CODE: Partial<Record<string, Symptom>> = {
  DH_LAUNCH_DEADLINE: 'silence',
  DH_STA_TIMEOUT: 'mute',
  DH_STA_LOST: 'broke',
  DH_HOP_LOST: 'broke',
  DH_PEER_CLOSED: 'broke',
  DH_PEER_RESET: 'broke',
} satisfies Partial<Record<Code, Symptom>>

/** Others hold the text of what caused them: of the dial, which saw the network. */
const BY_TEXT = (
  [
    ['DH_DIAL_REFUSED', 'refused'],
    ['DH_DIAL_NETWORK_UNREACHABLE', 'unreachable'],
    ['DH_DIAL_NAME', 'name'],
    ['DH_DIAL_TLS', 'tls'],
    ['DH_DIAL_TIMEOUT', 'silence'],
    ['DH_HANDSHAKE_DEADLINE', 'mute'],
    ['DH_PEER_CLOSED', 'broke'],
    ['DH_PEER_RESET', 'broke'],
    ['DH_DIAL_HOST_UNREACHABLE', 'unknown'],
  ] as const
).map(([code, symptom]) => [patternOf(catalogue[code].message), symptom] as const)

/** Where only the error of the system is told, or the reply of a SOCKS server (RFC 1928, 6). */
const BY_WORD: readonly (readonly [RegExp, Symptom])[] = [
  [/ECONNREFUSED|\(reply 0?5\)/, 'refused'],
  [/EHOSTUNREACH|ENETUNREACH|\(reply 0?3\)/, 'unreachable'],
  [/ECONNRESET|EPIPE/, 'broke'],
]

/** What a refusal tells of the network, by its code and by the text of what caused it. */
export function causeOf(code: string, message: string): Cause {
  const byText = BY_TEXT.map(([pattern, symptom]) => ({ found: pattern.exec(message), symptom }))
  const { found, symptom = 'unknown' } = byText.find((one) => one.found !== null) ?? {}
  const byWord = BY_WORD.find(([word]) => word.test(message))?.[1]
  const address = found?.groups?.address ?? staIn(message)
  return {
    symptom: BY_CODE[code] ?? (symptom === 'unknown' ? (byWord ?? 'unknown') : symptom),
    ...(address !== undefined && { address }),
  }
}

/** Where the STA is that a message speaks of. */
function staIn(message: string): string | undefined {
  return /\bSTA (?:at )?(\S+:\d+)\b/.exec(message)?.[1]
}

/** Finds a text of the catalogue, with whatever stands in its braces. */
function patternOf(template: string): RegExp {
  const parts = template.split(/(\{\w+\})/).map((part) => {
    if (part === '{address}') return '(?<address>\\S+:\\d+)'
    return part.startsWith('{') ? '.+?' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  })
  return new RegExp(parts.join(''))
}
