import { deepEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { atScale } from '../../../../test/kit/nightly.ts'
import type { Flow } from '../../src/flows/flow.ts'
import { FIREWALLS } from '../../src/flows/paths.ts'
import { compare } from '../../src/rules/diff/compare.ts'
import { readLoaded } from '../../src/rules/diff/read-loaded.ts'
import { iptables } from '../../src/rules/iptables.ts'
import { nftables } from '../../src/rules/nftables.ts'
import { type Family, type Ruleset, rulesetOf } from '../../src/rules/ruleset.ts'
import { loadedByIptables, loadedByNft, withoutKernel } from './kernel.ts'
import { at, flowsIn, plain } from './topology.ts'

const RUNS = atScale(8, 200)
const number = fc.integer({ min: 2, max: 254 })
const port = fc.integer({ min: 1, max: 65535 })

/** Configurations with hosts, ports, twins, services, and networks of people anywhere; of one family or both. */
const topologies = fc
  .record({
    family: fc.constantFrom<Family>(4, 6),
    edt: fc.boolean(),
    everybody: fc.boolean(),
    proxies: fc.uniqueArray(fc.tuple(number, port), { maxLength: 3, selector: ([n]) => n }),
    dns: fc.uniqueArray(number, { maxLength: 2 }),
    dnsZone: fc.constantFrom(3, 4, 9),
    metrics: fc.boolean(),
    lan: fc.constantFrom(16, 24, 27),
    both: fc.boolean(),
  })
  .map(({ both, ...shape }) => {
    const flows = flowsOfShape(shape)
    return both
      ? [...flows, ...others(flowsOfShape({ ...shape, family: shape.family === 4 ? 6 : 4 }))]
      : flows
  })

interface Shape {
  readonly family: Family
  readonly edt: boolean
  readonly everybody: boolean
  readonly proxies: readonly (readonly [number, number])[]
  readonly dns: readonly number[]
  readonly dnsZone: number
  readonly metrics: boolean
  readonly lan: number
}

function flowsOfShape({
  family,
  edt,
  everybody,
  proxies,
  dns,
  dnsZone,
  metrics,
  lan,
}: Shape): Flow[] {
  const basis = plain(family)
  const { internet, ...zones } = basis.zones
  const people = family === 4 ? `10.5.0.0/${lan}` : `2001:db8:5::/${lan + 40}`
  return flowsIn({
    ...basis,
    network: { edt },
    zones: { ...zones, lan: [people], ...(everybody ? {} : { internet }) },
    gateway: {
      ...basis.gateway,
      nextHops: [
        ...basis.gateway.nextHops,
        ...proxies.map(([n, port]) => ({ name: `p${n}`, address: at(family, 3, n, port) })),
      ],
      services: { dns: dns.map((n) => at(family, dnsZone, n, 53)) },
    },
    proxy: {
      ...basis.proxy,
      ...(metrics && { metrics: { listen: at(family, 3, 2, 9202) } }),
    },
  })
}

/** Flows of another configuration, which may bear the same names. */
function others(flows: readonly Flow[]): Flow[] {
  return flows.map((flow) => ({ ...flow, id: `${flow.id}-other` }))
}

const rulesets = topologies.chain((flows) =>
  fc.constantFrom(...FIREWALLS).map((firewall) => rulesetOf(flows, firewall)),
)

const told = (ruleset: Ruleset, loaded: string, family?: Family) =>
  compare(ruleset, readLoaded(loaded, family)).differences.map((one) =>
    one.kind === 'missing' || one.kind === 'shadowed'
      ? `${one.kind} ${one.rule.id} ${one.families.join()}`
      : one.kind,
  )

t.test(
  'whatever the topology, what nft has loaded does not differ, and what is taken away is missing',
  { skip: withoutKernel('nft') },
  async (t) => {
    let removed = 0
    fc.assert(
      fc.property(rulesets, (ruleset) => {
        const listing = JSON.parse(loadedByNft(nftables(ruleset))) as {
          nftables: { rule?: { comment?: string } }[]
        }
        deepEqual(told(ruleset, JSON.stringify(listing)), [])
        for (const rule of ruleset.rules) {
          const rest = listing.nftables.filter((one) => one.rule?.comment !== rule.comment)
          const found = told(ruleset, JSON.stringify({ nftables: rest }))
          deepEqual(
            found.map((one) => one.split(' ').slice(0, 2).join(' ')),
            [`missing ${rule.id}`],
          )
          removed++
        }
      }),
      { numRuns: RUNS, seed: 0x2026 },
    )
    t.ok(removed > RUNS * 5, `${removed} rules were taken away`)
  },
)

t.test(
  'the same of iptables and ip6tables',
  { skip: withoutKernel('iptables-restore', 'ip6tables-restore') },
  async (t) => {
    let compared = 0
    fc.assert(
      fc.property(rulesets, (ruleset) => {
        for (const family of ruleset.families) {
          const saved = loadedByIptables(family, iptables(ruleset, family))
          deepEqual(told(ruleset, saved), [])
          compared++
        }
      }),
      { numRuns: RUNS, seed: 0x2026 },
    )
    t.ok(compared >= RUNS)
  },
)
