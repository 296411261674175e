import { formatIp, parseNetwork } from '@doublehop/wire/ip'
import type { Family } from './ruleset.ts'

/** A network of a rule in the spellings that products want. */
export interface Spelled {
  readonly first: string
  readonly last: string
  readonly bits: number
  /** `255.255.255.0`, IPv4 only */
  readonly mask: string
  readonly isHost: boolean
}

/** @returns undefined for `any` */
export function spell(network: string): Spelled | undefined {
  const parsed = parseNetwork(network)
  if (parsed === undefined) return undefined
  const { address, bits } = parsed
  const mask = address.map((_, index) => {
    const ones = Math.min(8, Math.max(0, bits - index * 8))
    return 256 - (1 << (8 - ones))
  })
  const bytes = [...address].map((byte, index) => ({ byte, mask: mask[index] ?? 0 }))
  return {
    first: formatIp(Uint8Array.from(bytes, ({ byte, mask }) => byte & mask)),
    last: formatIp(Uint8Array.from(bytes, ({ byte, mask }) => (byte & mask) | (~mask & 255))),
    bits,
    mask: mask.join('.'),
    isHost: bits === address.length * 8,
  }
}

/** `10.2.0.2/32`; everything of a family for `any`. */
export function asCidr(network: string, family: Family): string {
  const spelled = spell(network)
  if (spelled === undefined) return family === 4 ? '0.0.0.0/0' : '::/0'
  return `${spelled.first}/${spelled.bits}`
}
