import t from 'tap'
import { FIREWALLS, type Firewall } from '../../src/flows/paths.ts'
import { compare, type Difference } from '../../src/rules/diff/compare.ts'
import { readLoaded } from '../../src/rules/diff/read-loaded.ts'
import { comparisonText } from '../../src/rules/diff/text.ts'
import { iptables } from '../../src/rules/iptables.ts'
import { nftables } from '../../src/rules/nftables.ts'
import { type Family, type Ruleset, rulesetOf } from '../../src/rules/ruleset.ts'
import { inNamespace, loadedByIptables, loadedByNft, withoutKernel } from './kernel.ts'
import { flowsIn, plain, rich } from './topology.ts'

const wanted = (firewall: Firewall, family: Family = 4) =>
  rulesetOf(flowsIn(rich(family)), firewall)

/** `missing established`, `extra ID of its comment`, … */
const told = (differences: readonly Difference[]) =>
  differences.map((one) => {
    if (one.kind === 'extra') return `extra ${one.loaded.comment ?? one.loaded.at}`
    if (one.kind === 'policy') return `policy ${one.chain} IPv${one.families.join(' and ')}`
    return `${one.kind} ${one.rule.id}`
  })

const differences = (ruleset: Ruleset, loaded: string, family?: Family) =>
  told(compare(ruleset, readLoaded(loaded, family)).differences)

/** The generated file with these commands run after it. */
const changed = (ruleset: Ruleset, ...commands: string[]) =>
  loadedByNft(nftables(ruleset), ...commands)

const IN_FORWARD = 'rule inet doublehop forward'

t.test('of what nft has loaded from a file of ours', { skip: withoutKernel('nft') }, async (t) => {
  for (const firewall of FIREWALLS) {
    for (const family of [4, 6] as const) {
      const ruleset = wanted(firewall, family)
      t.test(`nothing differs: firewall ${firewall}, IPv${family}`, async (t) => {
        t.same(differences(ruleset, loadedByNft(nftables(ruleset))), [])
      })
      t.test(
        `each rule taken away is the one that is missing: firewall ${firewall}, IPv${family}`,
        async (t) => {
          const listing = JSON.parse(loadedByNft(nftables(ruleset))) as {
            nftables: { rule?: { comment?: string } }[]
          }
          for (const { id, comment } of ruleset.rules) {
            const rest = listing.nftables.filter(({ rule }) => rule?.comment !== comment)
            t.equal(rest.length, listing.nftables.length - 1)
            t.same(differences(ruleset, JSON.stringify({ nftables: rest })), [`missing ${id}`])
          }
        },
      )
    }
  }
})

t.test(
  'of what iptables has loaded from a file of ours',
  { skip: withoutKernel('iptables-restore', 'ip6tables-restore') },
  async (t) => {
    for (const firewall of FIREWALLS) {
      for (const family of [4, 6] as const) {
        const ruleset = wanted(firewall, family)
        t.test(
          `each rule taken away is the one that is missing: firewall ${firewall}, IPv${family}`,
          async (t) => {
            const saved = loadedByIptables(family, iptables(ruleset, family))
            t.same(differences(ruleset, saved), [])
            for (const { id, comment } of ruleset.rules) {
              const rest = saved.split('\n').filter((line) => !line.includes(`"${comment}"`))
              t.same(differences(ruleset, rest.join('\n')), [`missing ${id}`])
            }
          },
        )
      }
    }
  },
)

t.test(
  'one missing, one extra and one shadowed are the three that are named',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(2)
    const without = nftables(ruleset)
      .split('\n')
      .filter((line) => !line.includes('gateway-storefront-8444: '))
      .join('\n')
    const loaded = loadedByNft(
      without,
      `add ${IN_FORWARD} ip saddr 10.2.0.2 ip daddr 10.4.0.3 tcp dport 2598 accept comment "opened"`,
      `insert ${IN_FORWARD} ip saddr 10.2.0.0/24 tcp dport { 22, 1000-1100 } reject comment "closed"`,
    )
    const comparison = compare(ruleset, readLoaded(loaded))
    t.same(told(comparison.differences), [
      'extra opened',
      'shadowed gateway-proxy-1080',
      'missing gateway-storefront-8444',
    ])
    const text = comparisonText(comparison, ruleset, 'loaded.json')
    for (const part of [
      /^firewall 2, loaded\.json: 3 differences$/m,
      /^extra {5}inet doublehop forward, handle \d+\n {10}remove: accept tcp 10\.2\.0\.2 → 10\.4\.0\.3:2598$/m,
      /^shadowed {2}gateway-proxy-1080\n.*\n {10}inet doublehop forward, handle \d+: reject tcp 10\.2\.0\.0\/24 → any:22,1000-1100$/m,
      /^missing {3}gateway-storefront-8444\n {10}add to forward: ip saddr 10\.2\.0\.2 ip daddr 10\.3\.0\.3 tcp dport 8444 ct state new counter accept comment "gateway-storefront-8444: /m,
    ])
      t.match(text, part)
  },
)

t.test(
  'a hole in only some firewalls of its path is extra there, and nowhere else',
  { skip: withoutKernel('nft') },
  async (t) => {
    const hole = `add ${IN_FORWARD} ip saddr 10.2.0.2 ip daddr 10.4.0.3 tcp dport 2598 ct state new accept comment "hole"`
    t.same(differences(wanted(2), changed(wanted(2), hole)), ['extra hole'])
    t.same(differences(wanted(3), changed(wanted(3))), [])
  },
)

t.test(
  'whatever the order, the rule that swallows is named',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(2)
    const cases: Readonly<Record<string, readonly string[]>> = {
      'ip daddr 10.3.0.2 drop comment "x"': [
        'shadowed gateway-proxy-1080',
        'shadowed management-proxy-9202',
      ],
      'tcp dport 8444 reject with tcp reset comment "x"': ['shadowed gateway-storefront-8444'],
      'ip saddr 10.2.0.0/16 ip daddr 10.3.0.0/16 tcp dport 8000-9000 accept comment "wide"': [
        'extra wide',
        'shadowed gateway-storefront-8444',
      ],
      'ct state established drop comment "x"': ['shadowed established'],
      'ct state new drop comment "x"': ruleset.rules
        .filter(({ kind }) => kind === 'flow')
        .map(({ id }) => `shadowed ${id}`),
      'ip saddr 10.2.0.2 udp dport 1080 drop comment "harmless"': [],
      'ip saddr 10.2.0.128/25 tcp dport 1080 drop comment "harmless"': [],
    }
    for (const [rule, expected] of Object.entries(cases))
      t.same(differences(ruleset, changed(ruleset, `insert ${IN_FORWARD} ${rule}`)), expected, rule)
  },
)

t.test(
  'a drop that comes after what it should keep out is as good as none',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(2)
    const lines = nftables(ruleset).split('\n')
    const late = lines.filter((line) => line.includes('new-without-syn: '))
    const rest = lines.filter((line) => !late.includes(line))
    const end = rest.findIndex((line) => line.includes('No neighbour discovery'))
    const file = rest.toSpliced(end, 0, ...late).join('\n')
    const some = `insert ${IN_FORWARD} ip saddr 192.0.2.1 drop`
    t.same(differences(ruleset, loadedByNft(file)), ['shadowed new-without-syn'])
    t.same(differences(ruleset, loadedByNft(file, some)), ['shadowed new-without-syn'])
  },
)

t.test(
  'a chain whose policy is not drop is named',
  { skip: withoutKernel('nft', 'iptables-restore') },
  async (t) => {
    const ruleset = wanted(1)
    const open = 'add chain inet doublehop forward { policy accept; }'
    t.same(differences(ruleset, changed(ruleset, open)), ['policy forward IPv4 and 6'])
    const closed = `${IN_FORWARD} counter reject with icmpx admin-prohibited`
    t.same(differences(ruleset, changed(ruleset, open, `add ${closed}`)), [], 'a last drop will do')
    const saved = iptables(ruleset, 4).replace(':INPUT DROP', ':INPUT ACCEPT')
    t.same(differences(ruleset, loadedByIptables(4, saved)), ['policy input IPv4'])
  },
)

t.test(
  'where nothing filters, everything is missing',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(1)
    const found = differences(ruleset, inNamespace('nft -j list ruleset', ''))
    t.same(found, [
      'policy forward IPv4 and 6',
      'policy input IPv4 and 6',
      ...ruleset.rules.map(({ id }) => `missing ${id}`),
    ])
  },
)

t.test(
  'tables and chains of an engineer’s own are found by their hooks',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = rulesetOf(flowsIn(plain(4)), 2)
    const own = `
table ip nat {
  chain post { type nat hook postrouting priority srcnat; policy accept; masquerade; }
}
table inet watch {
  chain passing { type filter hook forward priority -10; policy accept; counter log prefix "seen "; }
}
table inet corp {
  set gateways { type ipv4_addr; elements = { 10.2.0.2 } }
  chain guard {
    type filter hook forward priority filter; policy drop;
    ct state vmap { invalid : drop, established : accept }
    meta nfproto ipv4 ct state related icmp type vmap { destination-unreachable : accept, time-exceeded : accept, parameter-problem : accept }
    ip saddr 10.2.0.0/24 jump from-dmz1
  }
  chain from-dmz1 {
    ip daddr != 10.3.0.0/24 return
    tcp flags syn / fin,syn,rst,ack ip saddr @gateways ip daddr 10.3.0.2 tcp dport { 1080 } counter accept
    tcp flags syn / fin,syn,rst,ack ip saddr @gateways ip daddr 10.3.0.3 tcp dport 8444 log accept
  }
  chain me {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established accept
    ct state related icmp type { 3, 11, 12 } accept
    ip saddr 10.9.0.10 tcp dport 22 accept comment "own: ssh"
  }
}`
    const comparison = compare(ruleset, readLoaded(loadedByNft(own)))
    t.same(told(comparison.differences), [])
    t.same(comparison.notUnderstood, [])
    t.same(
      comparison.own.map(({ comment }) => comment),
      ['own: ssh'],
    )
  },
)

t.test(
  'a rule that is not understood is none that is wanted; what it accepts may be a hole',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(2)
    const comparison = compare(
      ruleset,
      readLoaded(
        changed(
          ruleset,
          `insert ${IN_FORWARD} ip saddr 10.2.0.2 limit rate over 10/second drop comment "limited"`,
          `add ${IN_FORWARD} meta mark 7 accept comment "gateway-proxy-1080: steps 2, 5"`,
          `add ${IN_FORWARD} ip saddr 10.2.0.2 ip daddr 10.3.0.2 tcp dport 1080 meta mark 7 accept comment "harmless"`,
        ),
      ),
    )
    t.same(told(comparison.differences), ['extra gateway-proxy-1080: steps 2, 5'])
    t.same(
      comparison.notUnderstood.map(({ comment }) => comment),
      ['limited', 'gateway-proxy-1080: steps 2, 5', 'harmless'],
    )
    const text = comparisonText(comparison, ruleset, 'x')
    t.match(text, /not understood, so it may open all of this: look, and remove it: accept IPv4$/m)
    t.match(text, /3 rules not understood, so counted as none that is wanted/)
    t.match(text, /"gateway-proxy-1080: steps 2, 5" .*mark/, 'a comment hides nothing')
  },
)

t.test('no way of writing hides a hole', { skip: withoutKernel('nft') }, async (t) => {
  const ruleset = wanted(2)
  const hole = 'ip saddr 10.2.0.2 ip daddr 10.4.0.3 tcp dport 2598'
  const own = 'add chain inet doublehop own\nadd rule inet doublehop own'
  const ways: Readonly<Record<string, readonly string[]>> = {
    'a limit': [`add ${IN_FORWARD} ${hole} limit rate 1000/second accept comment "hole"`],
    'a tuple': [
      `add ${IN_FORWARD} ip saddr . ip daddr . tcp dport { 10.2.0.2 . 10.4.0.3 . 2598 } accept comment "hole"`,
    ],
    'a named set of tuples': [
      'add set inet doublehop s { type ipv4_addr . inet_service; elements = { 10.4.0.3 . 2598 comment "x" } }',
      `add ${IN_FORWARD} ip daddr . tcp dport @s accept comment "hole"`,
    ],
    'a tuple with an interface': [
      `add ${IN_FORWARD} iifname . ip daddr { "dmz1" . 10.4.0.0/24 } accept comment "hole"`,
    ],
    'a map of verdicts': [
      'add map inet doublehop m { type ipv4_addr : verdict; elements = { 10.4.0.3 : accept } }',
      `add ${IN_FORWARD} ip daddr vmap @m comment "hole"`,
    ],
    'a set with comments': [
      'add set inet doublehop s { type ipv4_addr; elements = { 10.4.0.3 comment "x" } }',
      `add ${IN_FORWARD} ip saddr 10.2.0.2 ip daddr @s accept comment "hole"`,
    ],
    'a set that changes': [
      'add set inet doublehop s { type ipv4_addr; flags timeout; }',
      `add ${IN_FORWARD} ip saddr 10.2.0.2 ip daddr @s accept comment "hole"`,
    ],
    'bits of an address': [
      `add ${IN_FORWARD} ip daddr & 255.0.255.255 == 10.0.0.3 accept comment "hole"`,
    ],
    'a jump on a mark': [`${own} accept comment "hole"`, `add ${IN_FORWARD} meta mark 7 jump own`],
    'a chain without a name': [`add ${IN_FORWARD} jump { tcp dport 2598 accept; } comment "hole"`],
    'a drop that an interface passes by': [
      `${own} iifname "dmz1" return`,
      'add rule inet doublehop own drop',
      `add ${IN_FORWARD} jump own`,
      `add ${IN_FORWARD} ${hole} accept comment "hole"`,
    ],
    'a drop that a mark passes by': [
      `${own} meta mark 7 return`,
      'add rule inet doublehop own drop',
      `add ${IN_FORWARD} jump own`,
      `add ${IN_FORWARD} ${hole} accept comment "hole"`,
    ],
  }
  for (const [way, commands] of Object.entries(ways))
    t.same(differences(ruleset, changed(ruleset, ...commands)), ['extra hole'], way)
})

t.test(
  'no way of writing hides a hole from iptables either',
  { skip: withoutKernel('iptables-restore') },
  async (t) => {
    const ruleset = wanted(2)
    const hole = '-s 10.2.0.2 -d 10.4.0.3 -m comment --comment hole'
    const ways: Readonly<Record<string, string>> = {
      'a limit': `-A FORWARD ${hole} -m limit --limit 1000/sec -j ACCEPT`,
      'a mark': `-A FORWARD ${hole} -m mark --mark 7 -j ACCEPT`,
      'a program': `-A FORWARD ${hole} -j NFQUEUE`,
      'a drop passed by': `:own - [0:0]\n-A own -i dmz1 -j RETURN\n-A own -j DROP\n-A FORWARD -j own\n-A FORWARD ${hole} -j ACCEPT`,
    }
    for (const [way, lines] of Object.entries(ways)) {
      const file = iptables(ruleset, 4).replace('COMMIT', `${lines}\nCOMMIT`)
      t.same(differences(ruleset, loadedByIptables(4, file)), ['extra hole'], way)
    }
  },
)

t.test('a table that is asleep guards nothing', { skip: withoutKernel('nft') }, async (t) => {
  const ruleset = wanted(2)
  const found = differences(
    ruleset,
    changed(ruleset, 'add table inet doublehop { flags dormant; }'),
  )
  t.same(found.slice(0, 2), ['policy forward IPv4 and 6', 'policy input IPv4 and 6'])
})

t.test(
  'of two chains that drop by default one may be plain: what must be dropped is dropped once',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(2)
    const second = [
      'add table inet corp',
      'add chain inet corp guard { type filter hook forward priority 10; policy drop; }',
      'add rule inet corp guard accept',
    ]
    t.same(differences(ruleset, changed(ruleset, ...second)), [])
  },
)

t.test(
  'what stands at other hooks is told of, for it may drop what is wanted',
  { skip: withoutKernel('nft', 'iptables-restore') },
  async (t) => {
    const ruleset = wanted(2)
    const before = [
      'add table ip early',
      'add chain ip early pre { type filter hook prerouting priority -300; }',
      'add rule ip early pre ip saddr 10.2.0.2 drop',
      'add table inet late',
      'add chain inet late out { type filter hook output priority 0; policy drop; }',
      'add table bridge wire',
      'add chain bridge wire over { type filter hook forward priority 0; policy drop; }',
      'add chain bridge wire empty { type filter hook input priority 0; policy accept; }',
    ]
    const nft = compare(ruleset, readLoaded(changed(ruleset, ...before)))
    t.same(
      nft.elsewhere.map(({ at }) => at),
      ['ip early pre', 'inet late out', 'bridge wire over'],
    )
    t.match(
      comparisonText(nft, ruleset, 'x'),
      /3 places at other hooks, not compared:\n.*prerouting/,
    )
    const guarded = iptables(ruleset, 4).replace(':OUTPUT ACCEPT', ':OUTPUT DROP')
    const file = `${guarded}*mangle\n-A FORWARD -s 10.2.0.2 -j DROP\nCOMMIT\n`
    const old = compare(ruleset, readLoaded(loadedByIptables(4, file)))
    t.equal(old.elsewhere.length, 2)
  },
)

t.test(
  'rules that name interfaces are taken as if those were right, and said to be',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(2)
    const file = nftables(ruleset).replace(
      'ip saddr 10.2.0.2 ip daddr 10.3.0.2 tcp',
      'iifname "dmz1" oifname "dmz2" ip saddr 10.2.0.2 ip daddr 10.3.0.2 tcp',
    )
    const away = `insert ${IN_FORWARD} iifname "elsewhere" drop`
    const comparison = compare(ruleset, readLoaded(loadedByNft(file, away)))
    t.same(told(comparison.differences), [])
    t.equal(comparison.interfaces.length, 2)
  },
)

t.test(
  'what an administrator opens to the firewall itself is meant only if it says so',
  { skip: withoutKernel('nft') },
  async (t) => {
    const ruleset = wanted(1)
    const ssh = 'add rule inet doublehop input ip saddr 10.9.0.10 tcp dport 22 accept comment'
    t.same(differences(ruleset, changed(ruleset, `${ssh} "ssh"`)), ['extra ssh'])
    t.same(differences(ruleset, changed(ruleset, `${ssh} "own: ssh"`)), [])
  },
)

t.test(
  'every rule of another family is told with its family',
  { skip: withoutKernel('nft') },
  async (t) => {
    const both = rulesetOf([...flowsIn(plain(4)), ...flowsIn(plain(6))], 2)
    const listing = loadedByNft(
      nftables(both).replace('ct state established', 'meta nfproto ipv4 ct state established'),
    )
    const text = comparisonText(compare(both, readLoaded(listing)), both, 'x')
    t.match(text, /^missing {3}established, IPv6$/m)
  },
)
