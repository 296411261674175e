import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FIREWALLS } from '../../src/flows/paths.ts'
import { RULE_FORMATS } from '../../src/rules/format-names.ts'
import { formatAllRules, formatRules } from '../../src/rules/formats.ts'
import { rulesetOf } from '../../src/rules/ruleset.ts'
import { inNamespace, withoutKernel } from './kernel.ts'
import { flowsIn, plain, rich } from './topology.ts'

/** DOUBLEHOP_UPDATE_GOLDEN=1 writes the files anew: look at what has changed before it is committed. */
const UPDATE = process.env.DOUBLEHOP_UPDATE_GOLDEN === '1'
const folder = join(import.meta.dirname, 'golden')
const ENDINGS: Partial<Record<string, string>> = { 'aws-security-group': 'json', csv: 'csv' }

for (const family of [4, 6] as const) {
  for (const format of RULE_FORMATS) {
    t.test(`${format} over IPv${family} is as its golden files have it`, async (t) => {
      for (const firewall of FIREWALLS) {
        const name = `${format}-v${family}-firewall-${firewall}.${ENDINGS[format] ?? 'txt'}`
        const text = formatRules(rulesetOf(flowsIn(rich(family)), firewall), format)
        if (UPDATE) {
          mkdirSync(folder, { recursive: true })
          writeFileSync(join(folder, name), text)
        }
        t.equal(text, readFileSync(join(folder, name), 'utf8'), name)
      }
    })
  }
}

for (const family of [4, 6] as const) {
  for (const firewall of FIREWALLS) {
    const ruleset = rulesetOf(flowsIn(rich(family)), firewall)
    const flows = ruleset.rules.filter(({ kind }) => kind === 'flow')

    t.test(`each flow is one rule of firewall ${firewall}, over IPv${family}`, async (t) => {
      t.ok(flows.length >= 3)
      for (const format of RULE_FORMATS) {
        const lines = formatRules(ruleset, format).split('\n')
        for (const { id, comment } of flows) {
          const mentions = lines.filter((line) => line.includes(`${id}: `))
          t.equal(mentions.length, 1, `${format}: ${id}`)
          t.ok(mentions[0]?.includes(comment), comment)
        }
      }
    })
  }
}

t.test('a flow through two firewalls has its rule on each', async (t) => {
  const flows = flowsIn(rich(4))
  const on = FIREWALLS.filter((firewall) =>
    formatRules(rulesetOf(flows, firewall), 'nftables').includes('gateway-dns-53-udp: '),
  )
  t.same(on, [2, 3])
})

t.test('nft takes each file, and takes it again', { skip: withoutKernel('nft') }, async (t) => {
  for (const family of [4, 6] as const) {
    for (const firewall of FIREWALLS) {
      const text = formatRules(rulesetOf(flowsIn(rich(family)), firewall), 'nftables')
      const check =
        'cat >/dev/null; nft -c -f "$FILE"; nft -f "$FILE"; nft -f "$FILE"; nft list ruleset'
      const file = join(t.testdir({ rules: text }), 'rules')
      const listed = inNamespace(check.replaceAll('$FILE', file), '')
      t.equal(listed.match(/policy drop/g)?.length, 2, 'both chains are there once')
    }
  }
})

t.test(
  'iptables-restore and ip6tables-restore take each file',
  { skip: withoutKernel('iptables-restore', 'ip6tables-restore') },
  async (t) => {
    for (const firewall of FIREWALLS) {
      for (const family of [4, 6] as const) {
        const program = family === 4 ? 'iptables' : 'ip6tables'
        const text = formatRules(rulesetOf(flowsIn(rich(family)), firewall), 'iptables')
        t.doesNotThrow(
          () => inNamespace(`${program}-restore --test`, text),
          `${program} ${firewall}`,
        )
      }
    }
  },
)

t.test('iptables needs to know the family where the configuration speaks both', async (t) => {
  const flows = [...flowsIn(plain(4)), ...flowsIn(plain(6))]
  const ruleset = rulesetOf(flows, 2)
  t.throws(() => formatRules(ruleset, 'iptables'), { code: 'DH_USAGE', message: /--family/ })
  t.notMatch(formatRules(ruleset, 'iptables', 4), /2001:db8:3|icmpv6/)
  t.notMatch(formatRules(ruleset, 'iptables', 6), /10\.3\.0|-p icmp /)
  t.throws(() => formatRules(rulesetOf(flowsIn(plain(4)), 2), 'iptables', 6), {
    code: 'DH_USAGE',
    message: /no IPv6 address/,
  })
})

t.test('all firewalls at once are told apart', async (t) => {
  const rulesets = FIREWALLS.map((firewall) => rulesetOf(flowsIn(rich(4)), firewall))
  t.equal(formatAllRules(rulesets, 'csv').match(/^firewall,/gm)?.length, 1, 'one table')
  const groups = JSON.parse(formatAllRules(rulesets, 'aws-security-group')) as {
    GroupName: string
  }[]
  t.ok(groups.some(({ GroupName }) => GroupName.startsWith('doublehop-firewall-3-vda')))
  t.match(
    formatAllRules(rulesets, 'nftables'),
    /^===== firewall 1 =====\n[\s\S]*^===== firewall 3 =====\n/m,
  )
})

t.test(
  'what all firewalls print together is loaded by none: it would be three files',
  { skip: withoutKernel('nft', 'iptables-restore') },
  async (t) => {
    const rulesets = FIREWALLS.map((firewall) => rulesetOf(flowsIn(rich(4)), firewall))
    t.throws(() => inNamespace('nft -f -', formatAllRules(rulesets, 'nftables')), /syntax error/)
    t.throws(() => inNamespace('iptables-restore', formatAllRules(rulesets, 'iptables')))
  },
)

t.test('a source that is everybody is left out, and the family is kept', async (t) => {
  const rulesFor = (family: 4 | 6) => {
    const { internet: _, ...zones } = plain(family).zones
    return rulesetOf(flowsIn({ ...plain(family), zones }), 1)
  }
  const wanted = {
    nftables: [
      '\t\tip daddr 10.2.0.2 tcp dport 443 ct state new',
      '\t\tip6 daddr 2001:db8:2::2 tcp',
    ],
    iptables: ['-A FORWARD -d 10.2.0.2 -p tcp', '-A FORWARD -d 2001:db8:2::2 -p tcp'],
    'cisco-asa': ['tcp any4 host 10.2.0.2 eq 443', 'tcp any6 host 2001:db8:2::2 eq 443'],
    'pan-os': ['from any to dmz1 source 0.0.0.0/0 ', 'from any to dmz1 source ::/0 '],
    'aws-security-group': ['"CidrIp": "0.0.0.0/0"', '"CidrIpv6": "::/0"'],
    netscaler: ['ALLOW -destIP = 10.2.0.2', 'ALLOW -destIPv6 = 2001:db8:2::2'],
  } as const
  for (const [format, [four, six]] of Object.entries(wanted)) {
    t.ok(formatRules(rulesFor(4), format as 'nftables').includes(four), `${format}: ${four}`)
    t.ok(formatRules(rulesFor(6), format as 'nftables').includes(six), `${format}: ${six}`)
  }
})

t.test(
  'names as long as they may be still make rules',
  { skip: withoutKernel('nft') },
  async (t) => {
    const basis = plain(4)
    const long = 'x'.repeat(63)
    const flows = flowsIn({
      ...basis,
      gateway: { ...basis.gateway, name: `g${long.slice(1)}` },
      proxy: { ...basis.proxy, name: `p${long.slice(1)}` },
    })
    const ruleset = rulesetOf(flows, 2)
    t.doesNotThrow(() => inNamespace('nft -f -', formatRules(ruleset, 'nftables')))
    const names = [...formatRules(ruleset, 'pan-os').matchAll(/security rules (\S+)/g)].map(
      ([, name = '']) => name,
    )
    t.ok(names.every((name) => name.length <= 63))
    const acls = [...formatRules(ruleset, 'netscaler').matchAll(/^add ns acl (\S+)/gm)].map(
      ([, name = '']) => name,
    )
    t.equal(new Set(acls).size, acls.length, 'a NetScaler has longer ones, and cuts them, too')
    t.ok(acls.every((name) => name.length <= 127))
    t.ok(acls.some((name) => name.length === 127))
    t.equal(new Set(names).size, names.length, 'and each has its own')
  },
)
