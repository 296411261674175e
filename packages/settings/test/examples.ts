import { parse, stringify } from 'yaml'

/** The least that each section asks for. */
export const smallest = {
  gateway: `
gateway:
  listen: 0.0.0.0:443
  tls: { certificate: public.crt, key: public.key }
  identity: { certificate: gateway.crt, key: gateway.key, ca: ca.crt }
  nextHops: [{ name: proxy, address: 10.2.0.5:1080 }]
  stas: [{ urls: ["https://10.3.0.5:8080"] }]
`,
  proxy: `
proxy:
  listen: 10.2.0.5:1080
  allow: { names: [gateway.example] }
  identity: { certificate: proxy.crt, key: proxy.key, ca: ca.crt }
  grants: { keys: ["file:grant.key"] }
  stas: [{ urls: ["https://10.3.0.5:8080"] }]
`,
  storefront: `
storefront:
  listen: 10.2.0.6:8444
  identity: { certificate: storefront.crt, key: storefront.key, ca: ca.crt }
  gateways: { names: [gateway.example] }
  tokenDigest: file:token.sha256
  serviceKey: file:service.key
  stas: [{ urls: ["https://10.3.0.5:8080"] }]
`,
  sta: `
sta:
  authorityId: STA01
  listen: 10.3.0.5:8080
  identity: { certificate: sta.crt, key: sta.key, ca: ca.crt }
  serviceKey: file:service.key
  issuers: { names: [storefront.example] }
  redeemers: { names: [proxy.example] }
`,
  vda: `
vda:
  apps: [{ name: Echo, kind: echo, listenCgp: 10.3.0.7:2598 }]
`,
  workspace: `
workspace:
  gateway: gateway.example:443
`,
} as const

export type ExampleSection = keyof typeof smallest
export const sections = Object.keys(smallest) as ExampleSection[]

/** The smallest example of a section, changed at some paths (`allow.names`); undefined takes the key away. */
export function changed(
  section: ExampleSection,
  changes: Readonly<Record<string, unknown>>,
): string {
  const example = parse(smallest[section])
  for (const [path, value] of Object.entries(changes)) {
    const keys = path.split('.')
    const last = keys.pop() ?? ''
    let at = example[section]
    for (const key of keys) at = at[key] ??= {}
    if (value === undefined) delete at[last]
    else at[last] = value
  }
  return stringify(example)
}
