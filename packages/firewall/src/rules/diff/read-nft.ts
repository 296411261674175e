import { fault } from '@doublehop/errors/fault'
import { z } from 'zod'
import type { Chain, Family } from '../ruleset.ts'
import { followJumps } from './follow-jumps.ts'
import type { Loaded, LoadedChain, ReadChain, Step, Written } from './loaded.ts'
import { bounded, nftSets, stepsOf } from './nft-expression.ts'
import { isRecord } from './record.ts'

const name = z.string().max(1000)
const listing = z.object({ nftables: z.array(z.looseObject({})).max(200_000) })
const chain = z.object({
  family: name,
  table: name,
  name,
  hook: name.optional(),
  prio: z.number().optional(),
  type: name.optional(),
  policy: z.enum(['accept', 'drop']).default('accept'),
})
const rule = z.object({
  family: name,
  table: name,
  chain: name,
  handle: z.number().optional(),
  comment: name.optional(),
  expr: z.array(z.unknown()).max(1000),
})
const inChain = rule.pick({ family: true, table: true, chain: true })
const table = z.object({
  family: name,
  name,
  flags: z.preprocess((flags) => [flags ?? []].flat(), z.array(name)),
})
/** Flags with which a table works all the same. */
const AWAKE = new Set(['owner', 'persist'])

/** A chain while it is read. */
interface Reading {
  readonly steps: Step[]
  readonly notUnderstood: Written[]
}
type NftChain = z.output<typeof chain>

const FAMILIES: Readonly<Record<string, readonly Family[]>> = { ip: [4], ip6: [6], inet: [4, 6] }

/**
 * Reads what `nft -j list ruleset` prints. Chains are found by their hooks, whatever their names and tables are.
 *
 * @throws Fault DH_FW_LOADED
 */
export function readNft(text: string): Loaded {
  const { nftables } = parsed(text)
  const asleep = dormant(nftables)
  const chains = objects(nftables, 'chain', chain).filter((one) => !asleep.has(tableOf(one)))
  const read = new Map<string, Map<string, Reading>>()
  for (const { name, ...one } of chains) {
    const inTable = read.get(tableOf(one)) ?? new Map<string, Reading>()
    read.set(tableOf(one), inTable.set(name, { steps: [], notUnderstood: [] }))
  }
  const sets = nftSets(nftables)
  for (const one of objects(nftables, 'rule', rule)) {
    const table = tableOf(one)
    const inTable = read.get(table) ?? new Map<string, Reading>()
    read.set(table, inTable)
    const reading = inTable.get(one.chain) ?? { steps: [], notUnderstood: [] }
    inTable.set(one.chain, reading)
    readRule(one, sets.get(table) ?? new Map(), reading)
  }
  return {
    families: [4, 6],
    chains: chains
      .filter(({ type = 'filter' }) => type === 'filter')
      .toSorted((one, other) => (one.prio ?? 0) - (other.prio ?? 0))
      .flatMap((one) => loadedChain(one, read.get(tableOf(one)) ?? new Map())),
    elsewhere: elsewhere(nftables),
  }
}

/** Tables that are there and do nothing. Some versions of nft print another word for that flag than `dormant`. */
function dormant(all: readonly object[]): ReadonlySet<string> {
  const asleep = objects(all, 'table', table).filter(({ flags }) =>
    flags.some((flag) => !AWAKE.has(flag)),
  )
  return new Set(asleep.map(({ family, name }) => `${family} ${name}`))
}

/** Chains at other hooks, or of other families: they may drop what is wanted, or lead packets past the rest. */
function elsewhere(all: readonly object[]): Written[] {
  const busy = new Set(
    ofEveryFamily(all, 'rule', inChain).map((one) => `${tableOf(one)} ${one.chain}`),
  )
  return ofEveryFamily(all, 'chain', chain).flatMap((one) => {
    const { hook, type, family, policy, name } = one
    const isCompared = (hook === 'forward' || hook === 'input') && Object.hasOwn(FAMILIES, family)
    if (hook === undefined || type === 'nat' || isCompared) return []
    const at = `${tableOf(one)} ${name}`
    if (policy === 'accept' && !busy.has(at)) return []
    return [{ at, text: `a chain at ${hook}, policy ${policy}`, comment: undefined }]
  })
}

function parsed(text: string): z.output<typeof listing> {
  try {
    return listing.parse(JSON.parse(text))
  } catch (error) {
    throw fault('DH_FW_LOADED', { why: 'it is no output of nft -j list ruleset' }, error)
  }
}

/** The objects of one kind, those of other families left out. */
function objects<T extends { readonly family: string }>(
  all: readonly object[],
  kind: string,
  schema: z.ZodType<T>,
): T[] {
  return ofEveryFamily(all, kind, schema).filter(({ family }) => Object.hasOwn(FAMILIES, family))
}

function ofEveryFamily<T>(all: readonly object[], kind: string, schema: z.ZodType<T>): T[] {
  return all
    .flatMap((one) => (kind in one ? [one[kind as keyof typeof one]] : []))
    .map((one) => {
      const { success, data } = schema.safeParse(one)
      if (!success) throw fault('DH_FW_LOADED', { why: `it holds a ${kind} of an unknown form` })
      return data
    })
}

function tableOf({ family, table }: { readonly family: string; readonly table: string }): string {
  return `${family} ${table}`
}

function loadedChain(one: NftChain, chains: ReadonlyMap<string, ReadChain>): LoadedChain[] {
  const hook = ['forward', 'input'].find((hook) => hook === one.hook) as Chain | undefined
  if (hook === undefined) return []
  const base = {
    ...{ name: `${tableOf(one)} ${one.name}`, chain: hook, start: one.name },
    ...{ families: FAMILIES[one.family] ?? [], policy: one.policy },
  }
  return [followJumps(base, chains)]
}

function readRule(
  one: z.output<typeof rule>,
  sets: ReadonlyMap<string, readonly unknown[]>,
  into: Reading,
): void {
  const handle = one.handle === undefined ? '' : `, handle ${one.handle}`
  const written: Written = {
    at: `${tableOf(one)} ${one.chain}${handle}`,
    text: bounded(one.expr.filter(saysSomething)),
    comment: one.comment,
  }
  const steps = stepsOf(one.expr, sets)
  if (steps === undefined) into.notUnderstood.push(written)
  else into.steps.push(...steps.map((step): Step => ({ ...written, ...step })))
}

/** Counters count on: they would make two listings of one rule differ. */
function saysSomething(expression: unknown): boolean {
  return !isRecord(expression) || !('counter' in expression)
}
