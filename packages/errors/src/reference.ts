import { catalogue, type Entry } from './catalogue.ts'

type Class = Entry['class']

/** What a class means, and the SOCKS reply (RFC 1928, 6) a client of the gateway and one of the proxy get for it. */
export const CLASSES: Readonly<Record<Class, { meaning: string; gateway: number; proxy: number }>> =
  {
    ticket: { meaning: 'the ticket is not good, or no longer', gateway: 2, proxy: 2 },
    address: { meaning: 'this destination is not allowed', gateway: 2, proxy: 2 },
    identity: { meaning: 'whoever asks is on no list', gateway: 1, proxy: 2 },
    refused: { meaning: 'the host answered that nothing listens there', gateway: 4, proxy: 5 },
    'network-unreachable': { meaning: 'there is no route', gateway: 4, proxy: 3 },
    'host-unreachable': { meaning: 'the host or service cannot be reached', gateway: 4, proxy: 4 },
    timeout: { meaning: 'no answer in time', gateway: 4, proxy: 4 },
    command: { meaning: 'a SOCKS command that is not spoken here', gateway: 1, proxy: 7 },
    'address-type': {
      meaning: 'a SOCKS address type that is not spoken here',
      gateway: 1,
      proxy: 8,
    },
    protocol: { meaning: 'the peer broke the rules of the wire', gateway: 1, proxy: 1 },
    limit: { meaning: 'a bound was reached', gateway: 1, proxy: 1 },
    closed: { meaning: 'the connection ended before its time', gateway: 1, proxy: 1 },
    usage: { meaning: 'the command line, or a file given on it', gateway: 1, proxy: 1 },
    configuration: {
      meaning: 'the configuration; a daemon ends with exit code 78',
      gateway: 1,
      proxy: 1,
    },
    internal: { meaning: 'something inside failed', gateway: 1, proxy: 1 },
  }

const FAULTS: Readonly<Record<Entry['fault'], string>> = {
  ours: 'this daemon',
  peer: 'whoever is at the other end',
  configuration: 'what an administrator wrote, here or at the other end',
  network: 'the way between, or a service behind it',
}

/** The headings of the page, and how the codes below each one begin after `DH_`. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  'The launch': ['FIRST_BYTES', 'ADDRESS', 'LAUNCH', 'CLIENT', 'CGP'],
  Tickets: ['TICKET'],
  'The Secure Ticket Authority': ['STA'],
  'What stands behind the gateway': ['HOP', 'STOREFRONT_UNREACHABLE'],
  'The proxy': ['SESSION', 'GRANT', 'DESTINATION', 'RELAY'],
  SOCKS: ['SOCKS'],
  Peers: ['PEER', 'HANDSHAKE', 'TLS', 'PROXY_HEADER', 'LIMIT', 'DRAINING'],
  Dialling: ['DIAL'],
  Firewalls: ['FW'],
  'ICA, XML and HTTP': ['ICA', 'XML', 'HTTP', 'STOREFRONT'],
  Configuration: ['CONFIG', 'CERTIFICATE', 'LISTEN'],
  'Commands and the lab': ['USAGE', 'NO_LAB', 'LAB'],
}

const INTRODUCTION = `# Errors

Everything that can go wrong has a code. It stands in log lines and in what a command prints, and it stays the same
from version to version, whereas the words around it may change: match on the code.

This page is made from the catalogue that raises the errors; \`npm run docs\` makes it anew.

## Whose fault

| Fault | Who has to act |
| --- | --- |
`

const CLASSES_HEADING = `
## Classes

The class decides what the outside learns. A SOCKS client gets a reply code and nothing else. At the gateway that is
02 for all that concerns ticket or address, so that a used ticket looks like an unknown one, 04 for all that cannot be
reached behind it, and 01 for the rest; at the proxy, whose clients are gateways, the replies of RFC 1928 are told
apart. A reply 02 leaves no earlier than 250 ms after the request. A client that never finished its request gets no
reply, and a CGP client gets none at all.

A daemon that cannot start ends with exit code 78 (EX_CONFIG, which service managers know not to retry) for an error of
class \`configuration\`, and with 1 for any other.

| Class | Means | Reply of the gateway | Reply of the proxy |
| --- | --- | --- | --- |
`

/** docs/errors.md: faults, classes, and every code of the catalogue with what to do. */
export function errorReference(): string {
  const faults = Object.entries(FAULTS).map(([fault, who]) => `| ${fault} | ${who} |\n`)
  const classes = Object.entries(CLASSES).map(
    ([name, { meaning, gateway, proxy }]) =>
      `| ${name} | ${meaning} | ${reply(gateway)} | ${reply(proxy)} |\n`,
  )
  return [INTRODUCTION, ...faults, CLASSES_HEADING, ...classes, ...groups()].join('')
}

function groups(): string[] {
  const rows = new Map([...Object.keys(GROUPS), ELSE].map((heading) => [heading, '']))
  for (const [code, entry] of Object.entries(catalogue)) {
    const heading = headingOf(code)
    rows.set(heading, `${rows.get(heading)}${rowOf(code, entry)}`)
  }
  return [...rows].map(([heading, lines]) =>
    lines === '' ? '' : `\n## ${heading}\n\n${COLUMNS}${lines}`,
  )
}

const ELSE = 'Everything else'

/** STOREFRONT_UNREACHABLE stands before STOREFRONT: the first heading that fits is taken. */
function headingOf(code: string): string {
  const begins = (word: string) => `${code}_`.startsWith(`DH_${word}_`)
  return Object.keys(GROUPS).find((heading) => GROUPS[heading]?.some(begins)) ?? ELSE
}

const COLUMNS = `| Code | Class | Fault | What happened | What to do |
| --- | --- | --- | --- | --- |
`

function rowOf(code: string, { class: kind, fault, message, action }: Entry): string {
  return `| \`${code}\` | ${kind} | ${fault} | ${text(message)} | ${text(action)} |\n`
}

/** What a message is filled with stands in it as a word in italics. */
function text(template: string): string {
  return template.replaceAll('|', '\\|').replace(/\{(\w+)\}/g, '*$1*')
}

function reply(code: number): string {
  return String(code).padStart(2, '0')
}

if (import.meta.main) process.stdout.write(errorReference())
