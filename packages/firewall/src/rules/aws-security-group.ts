import { asCidr } from './networks.ts'
import { type FlowRule, type Ruleset, rulesOf } from './ruleset.ts'

/** What may stand in a description. */
const NOT_ALLOWED = /[^a-zA-Z0-9 ._\-:/()#,@[\]+=&;{}!$*]/g

/** One rule, as `aws ec2 authorize-security-group-ingress --ip-permissions` takes it. */
interface Permission {
  readonly IpProtocol: string
  readonly FromPort: number
  readonly ToPort: number
  readonly IpRanges?: readonly { readonly CidrIp: string; readonly Description: string }[]
  readonly Ipv6Ranges?: readonly { readonly CidrIpv6: string; readonly Description: string }[]
}

/** The security group of one host. */
export interface SecurityGroup {
  readonly GroupName: string
  readonly Description: string
  /** the address of the host it is for: a group names no destination itself */
  readonly Destination: string
  readonly IpPermissions: readonly Permission[]
}

/**
 * Security groups, one for each host that is reached through this firewall. They keep state themselves: answers need no
 * rule. What path MTU discovery needs is in each.
 */
export function awsSecurityGroups(ruleset: Ruleset): readonly SecurityGroup[] {
  const flows = rulesOf(ruleset, 'forward').filter((rule) => rule.kind === 'flow')
  const hosts = Map.groupBy(flows, ({ flow }) => flow.to.address)
  return [...hosts].map(([address, rules]) => {
    const { name = '' } = rules[0]?.flow.to ?? {}
    return {
      GroupName: `doublehop-firewall-${ruleset.firewall}-${name}-${address.replaceAll(':', '_')}`,
      Description: allowed(`doublehop: what reaches ${name} through firewall ${ruleset.firewall}`),
      Destination: address,
      IpPermissions: [...rules.map(permission), tooBig(rules[0]?.flow.family ?? 4)],
    }
  })
}

/** As text: JSON. */
export function awsSecurityGroup(ruleset: Ruleset): string {
  return `${JSON.stringify(awsSecurityGroups(ruleset), undefined, 2)}\n`
}

function permission({ flow, comment }: FlowRule): Permission {
  const { protocol, port, family, from } = flow
  return {
    ...{ IpProtocol: protocol, FromPort: port, ToPort: port },
    ...range(asCidr(from.network, family), family, comment),
  }
}

/** RFC 1191 and RFC 8201: fragmentation needed, packet too big. Type and code stand where ports do. */
function tooBig(family: 4 | 6): Permission {
  const types =
    family === 4
      ? { IpProtocol: 'icmp', FromPort: 3, ToPort: 4 }
      : { IpProtocol: 'icmpv6', FromPort: 2, ToPort: 0 }
  return { ...types, ...range(asCidr('any', family), family, 'path MTU discovery') }
}

function range(cidr: string, family: 4 | 6, comment: string): Partial<Permission> {
  const Description = allowed(comment)
  return family === 4
    ? { IpRanges: [{ CidrIp: cidr, Description }] }
    : { Ipv6Ranges: [{ CidrIpv6: cidr, Description }] }
}

function allowed(text: string): string {
  return text.replace(NOT_ALLOWED, ' ')
}
