import { flagBits, flagsUnder, TCP } from './fields.ts'
import { minus } from './intervals.ts'
import { fieldOf, type Sets, valuesIn } from './nft-field.ts'
import { meet, type Packets, spaceOf } from './packets.ts'
import { isRecord } from './record.ts'

/** The packets that a match speaks of: any of these, and only on some interface if it names one. */
export interface Matched {
  readonly packets: readonly Packets[]
  readonly interfaces: boolean
}

/** The host speaking with itself passes no firewall. */
const NO_PACKETS: Matched = { packets: [], interfaces: false }
const SOME_INTERFACE: Matched = { packets: [{}], interfaces: true }

/** What a match of nft speaks of (libnftables-json(5)); undefined when it is not understood. */
export function matchOf(value: unknown, sets: Sets): Matched | undefined {
  if (!isRecord(value) || !isRecord(value.left)) return undefined
  const { op, left, right } = value
  if (Array.isArray(left.concat)) return op === '!=' ? undefined : tuples(left.concat, right, sets)
  if (isInterface(left)) return right === 'lo' && op === '==' ? NO_PACKETS : SOME_INTERFACE
  const packets = oneField(op, left, right, sets)
  return packets === 'none' ? NO_PACKETS : packets && { packets: [packets], interfaces: false }
}

/** @returns `none` where no packet is such */
function oneField(
  op: unknown,
  left: Readonly<Record<string, unknown>>,
  right: unknown,
  sets: Sets,
): Packets | 'none' | undefined {
  const [kind = ''] = Object.keys(left)
  if (kind === '&') return flagsMatch(op, left['&'], right)
  const inner = left[kind]
  const field = isRecord(inner) ? fieldOf(kind, inner) : undefined
  if (field === undefined) return undefined
  // Without an operator any of the flags will do; with one the byte is compared.
  if (field.field === 'flags' && op !== 'in') return wholeFlags(op, right)
  const values = valuesIn(right, field, sets, 0)
  if (values === undefined || (op !== '==' && op !== 'in' && op !== '!=')) return undefined
  const wanted = op === '!=' ? minus(spaceOf(field.field), values) : values
  // A packet that is of another family or protocol has no such field to be unequal.
  return meet(field.implies, { [field.field]: wanted }) ?? 'none'
}

function isInterface({ meta }: Readonly<Record<string, unknown>>): boolean {
  return isRecord(meta) && /^[io]if(name)?$/.test(String(meta.key))
}

/** `ip daddr . tcp dport { 10.3.0.2 . 1080 }`: one after the other, all fields of each. */
function tuples(fields: readonly unknown[], right: unknown, sets: Sets): Matched | undefined {
  const found: Packets[] = []
  for (const element of elementsOf(right, sets)) {
    const values = isRecord(element) && Array.isArray(element.concat) ? element.concat : []
    if (values.length !== fields.length) return undefined
    let packets: Packets | undefined = {}
    for (const [index, left] of fields.entries()) {
      if (!isRecord(left)) return undefined
      const one = isInterface(left) ? {} : oneField('==', left, values[index], sets)
      if (one === undefined) return undefined
      packets = packets && (one === 'none' ? undefined : meet(packets, one))
    }
    if (packets !== undefined) found.push(packets)
  }
  return { packets: found, interfaces: fields.some((left) => isRecord(left) && isInterface(left)) }
}

/** The elements of a set, whether it is named or stands there. */
function elementsOf(right: unknown, sets: Sets): readonly unknown[] {
  const named = typeof right === 'string' ? sets.get(right.slice(1)) : undefined
  const set: unknown = isRecord(right) ? right.set : undefined
  return (named ?? (Array.isArray(set) ? (set as unknown[]) : [right])).map(bare)
}

/** An element without its comment and counter. */
function bare(element: unknown): unknown {
  return isRecord(element) && isRecord(element.elem) ? element.elem.val : element
}

/** `tcp flags & (fin | syn | rst | ack) == syn`. */
function flagsMatch(op: unknown, parts: unknown, right: unknown): Packets | undefined {
  const [left, mask] = Array.isArray(parts) ? (parts as unknown[]) : []
  const payload = isRecord(left) ? left.payload : undefined
  if (!isRecord(payload) || payload.protocol !== 'tcp' || payload.field !== 'flags')
    return undefined
  const [bits, wanted] = [bitsOf(mask, 0), bitsOf(right, 0)]
  if (bits === undefined || wanted === undefined || (op !== '==' && op !== '!=')) return undefined
  return { protocol: TCP, flags: flagsUnder(bits, wanted, op === '==') }
}

function wholeFlags(op: unknown, right: unknown): Packets | undefined {
  const wanted = bitsOf(right, 0)
  if (wanted === undefined || (op !== '==' && op !== '!=')) return undefined
  return { protocol: TCP, flags: flagsUnder(255, wanted, op === '==') }
}

function bitsOf(value: unknown, depth: number): number | undefined {
  if (depth > 8) return undefined
  if (typeof value === 'number') return value
  if (typeof value === 'string') return flagBits([value])
  const parts: unknown = isRecord(value) ? value['|'] : value
  if (!Array.isArray(parts)) return undefined
  let all = 0
  for (const part of parts as unknown[]) {
    const bits = bitsOf(part, depth + 1)
    if (bits === undefined) return undefined
    all |= bits
  }
  return all
}
