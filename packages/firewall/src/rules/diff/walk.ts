import { fault } from '@doublehop/errors/fault'
import { areApart, minus, type Packets } from './packets.ts'

/** Into how many parts rules may cut the packets of one. */
const MAX_PARTS = 5_000

/** What is left of these packets when those of each of the others are taken away. */
export function left(
  packets: readonly Packets[],
  others: Iterable<{ readonly packets: Packets }>,
): readonly Packets[] {
  let rest = packets
  for (const other of others) {
    if (rest.length === 0) break
    if (rest.every((part) => areApart(part, other.packets))) continue
    rest = rest.flatMap((part) => minus(part, other.packets))
    if (rest.length > MAX_PARTS)
      throw fault('DH_FW_LOADED', { why: 'its rules overlap too intricately to be compared' })
  }
  return rest
}
