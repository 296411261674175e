import { variableName } from './environment.ts'
import { type KeySchema, schemaTree } from './keys.ts'

/** What the titles of the schema mean to who writes a file. */
const KINDS: Readonly<Record<string, string>> = {
  'address:port':
    '`10.2.0.5:1080`, `proxy.example:1080` or `"[fd00::5]:1080"`: an IPv6 address stands in brackets, and YAML wants quotes around those',
  'IP address:port':
    'the same without names, for listeners; `0.0.0.0` and `[::]` are all addresses of the host, port 0 is a free one',
  'loopback address:port': 'the same on `127.0.0.1` or `[::1]`',
  'IPv4 address': '`10.2.0.5`',
  'IPv6 address': '`fd00::5`',
  network: '`10.1.0.0/16`, `fd00::/8`, or one address',
  duration: '`250 ms`, `10 s`, `5 min`, `1 h`, `2 d`: a whole number and its unit, up to 24 days',
  'duration or off': 'the same, or `off` for no limit',
  'whole number or off': 'a whole number from 1 to 10000000, or `off` for no limit',
  size: '`512 B`, `64 KiB`, `1 MiB`: a whole number and its unit, up to 1024 MiB',
  file: 'a path; a relative one starts at the folder of the configuration file',
  secret: '`file:PATH` or `env:NAME`: where the secret is, never the secret itself',
  'short name': 'up to 63 letters, digits, `.`, `_` and `-`',
  'STA id': '`STA` and 1 to 13 letters or digits',
  url: '`https://10.3.0.5:8080` or `http://…`, without user and password',
  'memory or Redis url':
    '`memory`; `redis://…`; `rediss://…`: Redis by mutual TLS, as `identity` says; `file:PATH` or `env:NAME` that holds such a url, for one with a password',
}

/** A double hop in one file; every host may have its part of it. */
const EXAMPLE = `zones:
  lan: [10.9.0.0/16]
  dmz1: [10.1.0.0/16]
  dmz2: [10.2.0.0/16]
  internal: [10.3.0.0/16]

gateway:
  zone: dmz1
  listen: "[::]:443"
  tls: { certificate: public.crt, key: public.key }
  identity: { certificate: gateway.crt, key: gateway.key, ca: ca.crt }
  nextHops:
    - { name: proxy-1, address: 10.2.0.5:1080 }
  stas: &stas
    - { id: STA01, urls: ["https://10.3.0.5:8080"] }
  storefronts:
    - { address: 10.2.0.6:8444 }

proxy:
  zone: dmz2
  listen: 10.2.0.5:1080
  identity: { certificate: proxy.crt, key: proxy.key, ca: ca.crt }
  allow: { names: [gateway.example] }
  grants: { keys: [file:grant.key] }
  stas: *stas

storefront:
  zone: dmz2
  listen: 10.2.0.6:8444
  identity: { certificate: storefront.crt, key: storefront.key, ca: ca.crt }
  gateways: { names: [gateway.example] }
  tokenDigest: file:token.sha256
  serviceKey: file:service.key
  stas: *stas
  apps:
    - { name: Echo, cgpAddress: 10.3.0.7:2598, icaAddress: 10.3.0.7:1494 }

sta:
  zone: internal
  listen: 10.3.0.5:8080
  authorityId: STA01
  identity: { certificate: sta.crt, key: sta.key, ca: ca.crt }
  serviceKey: file:service.key
  issuers: { names: [storefront.example] }
  redeemers: { names: [proxy.example] }
  ticketLifetime: 90 s

vda:
  zone: internal
  apps:
    - { name: Echo, kind: echo, listenCgp: 10.3.0.7:2598, listenIca: 10.3.0.7:1494 }

workspace:
  gateway: gateway.example:443
  token: env:WORKSPACE_TOKEN
`

const INTRODUCTION = `# Configuration

All daemons read one kind of file, \`doublehop.yaml\`: YAML 1.2 in UTF-8, at most 1 MiB. It has a section for each
daemon, one for the client (\`workspace\`) and one for the networks around them (\`zones\`). A file may hold any of
them, so a host in DMZ 1 needs no more than \`gateway\`.

This page is made from the schema that the daemons check the file with; \`npm run docs\` makes it anew.

## Which file

\`doublehop-gateway --config FILE\`, and so for each daemon; without the flag it is \`doublehop.yaml\` in the folder
where the daemon was started. \`doublehop config check FILE\` tells everything that is wrong with a file and starts
nothing. \`doublehop config schema\` prints a JSON Schema, with which an editor can complete and check keys.

A key that is not listed here, a value of another type and a combination that cannot work are errors. A daemon then
does not start and ends with exit code 78. Each error says where, which key, and what was expected:

\`\`\`
doublehop.yaml:12: gateway.redeem_at: no such key; did you mean redeemAt?
\`\`\`

## What overrides what

From strongest to weakest:

1. the flag \`--set path=value\`, such as \`--set gateway.limits.launch='20 s'\`; of several for one path the last
2. the environment variable that the tables name, such as \`DOUBLEHOP_GATEWAY_LIMITS_LAUNCH='20 s'\`
3. the file
4. the default

Text is written as it stands. Numbers, \`true\`, \`false\` and lists are written as JSON, and a list is replaced as a
whole: \`DOUBLEHOP_PROXY_ALLOW_NAMES='["gateway.example"]'\`.

A variable that begins like one of a section (\`DOUBLEHOP_GATEWAY_…\`) but names no setting is an error, and so is one
that is a slip or two away from a name in the tables. Exempt are the variable that a secret is read from (\`env:NAME\`
in the file), which never overrides anything, and those that Kubernetes sets for its services (\`…_SERVICE_HOST\`,
\`…_PORT\` and the like). Other variables that begin with \`DOUBLEHOP_\` are ignored.

## Reloading

SIGHUP makes a daemon read its file again, with the same flags and environment, and all certificates, keys and secrets.
It takes all of it or nothing: where anything is wrong it goes on as before and says why. Sessions notice nothing; what
is new holds for connections that come from then on. Log files are opened anew, so that logrotate needs nothing but
SIGHUP. A file that is only half written when it is read is refused like any other that is wrong: rename a new one into
its place. A key marked *restart* cannot be changed so: a file that changes it is refused.

## Secrets

A secret never stands in the file. \`file:PATH\` names a file that holds it, and one line end behind it is not part of
it; \`env:NAME\` names an environment variable. Secrets are read when they are needed, so a file can be checked on a
host that has none of them, and they stand in no log.

## Kinds of values

| Type | Is written |
| --- | --- |
`

const EXAMPLE_HEADING = `
YAML's anchors and aliases (\`&name\`, \`*name\`) may be used; merge keys and tags of one's own may not.

## Example

A whole double hop in one file. Paths start beside it.

\`\`\`yaml
${EXAMPLE}\`\`\`

# All keys

*required* holds for the group the key stands in: a group that may be left out as a whole asks for nothing until it
is there. \`[]\` stands for each entry of a list. A dash means that nothing is set.
`

/** docs/configuration.md: how the file is found and written, and every key of it. */
export function configurationReference(): string {
  const kinds = Object.entries(KINDS).map(([kind, form]) => `| ${kind} | ${cell(form)} |\n`)
  const sections = Object.entries(schemaTree().properties ?? {})
  return [
    INTRODUCTION,
    ...kinds,
    EXAMPLE_HEADING,
    ...sections.map(([name, schema]) => section(name, schema)),
  ].join('')
}

function section(name: string, schema: KeySchema): string {
  const table = [
    '| Key | Type | Default | Meaning | Environment variable |',
    '| --- | --- | --- | --- | --- |',
  ]
  for (const row of rowsInside(schema, [name], true)) table.push(row)
  return `\n## ${name}\n\n${capital(schema.description ?? '')}.\n\n${table.join('\n')}\n`
}

function rowsInside(group: KeySchema, path: readonly string[], settable: boolean): string[] {
  return Object.entries(group.properties ?? {}).flatMap(([name, schema]) => {
    const here = [...path, name]
    const required = group.required?.includes(name) ?? false
    const entries = [...path, `${name}[]`]
    return [
      rowOf(schema, here, required, settable && schema.properties === undefined),
      ...rowsInside(schema, here, settable),
      ...rowsInside(schema.items ?? {}, entries, false),
    ]
  })
}

function rowOf(
  schema: KeySchema,
  path: readonly string[],
  required: boolean,
  settable: boolean,
): string {
  const fallback = required ? '*required*' : defaultOf(schema)
  const variable = settable ? `\`${variableName(path)}\`` : ''
  const meaning = cell(schema.description ?? '') + (schema['x-restart'] ? ' (*restart*)' : '')
  return `| \`${path.join('.')}\` | ${typeOf(schema)} | ${fallback} | ${meaning} | ${variable} |`
}

function defaultOf({ default: value }: KeySchema): string {
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value)
  return isScalar ? `\`${value}\`` : '–'
}

function typeOf(schema: KeySchema): string {
  if (schema.properties !== undefined) return 'group'
  if (schema.items !== undefined) {
    const [entries = '', ...each] = typeOf(schema.items).split(', ')
    return `list of ${[`${entries}s`, ...each].join(', ')}${bounds(schema.minItems, schema.maxItems)}`
  }
  if (schema.enum !== undefined) return alternatives(schema.enum)
  if (schema.title !== undefined) return schema.title
  if (schema.type === 'boolean') return '`true` or `false`'
  if (schema.type === 'integer') return `whole number${bounds(schema.minimum, schema.maximum)}`
  return 'text'
}

function bounds(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return `, ${least} to ${most}`
  if (least !== undefined) return `, at least ${least}`
  return most === undefined ? '' : `, at most ${most}`
}

function alternatives(values: readonly unknown[]): string {
  const quoted = values.map((value) => `\`${String(value)}\``)
  return `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

if (import.meta.main) process.stdout.write(configurationReference())
