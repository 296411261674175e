/** What rules can be written for. */
export const RULE_FORMATS = [
  'nftables',
  'iptables',
  'cisco-asa',
  'pan-os',
  'aws-security-group',
  'netscaler',
  'csv',
] as const
export type RuleFormat = (typeof RULE_FORMATS)[number]
