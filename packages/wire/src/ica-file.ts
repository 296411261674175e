import { fault } from '@doublehop/errors/fault'
import { type Endpoint, formatEndpoint, parseEndpoint } from './endpoint.ts'
import { parseTicket, type Ticket } from './ticket.ts'
import { LAUNCH_PORTS } from './ticket-addresses.ts'

/** The ICA file that starts a launch: INI with CRLF (docs/protocols.md, 4). */

/** What a client needs from an ICA file to launch through a gateway. */
export interface IcaLaunch {
  /** the published name */
  readonly app: string
  readonly ticket: Ticket
  /** where the gateway listens */
  readonly gateway: Endpoint
  readonly protocol: 'socks' | 'cgp'
  /** the port the client asks the gateway for */
  readonly port: number
}

const LONGEST_FILE = 65_536

/** Reads an ICA file. Keys and values compare without regard to case. @throws Fault DH_ICA_FILE, DH_TICKET_FORM */
export function parseIcaFile(text: string): IcaLaunch {
  if (text.length > LONGEST_FILE) throw fault('DH_ICA_FILE', { why: 'it is longer than 64 KiB' })
  const sections = readSections(text)
  const [app] = [...(sections.get('applicationservers')?.names ?? [])]
  const section = app === undefined ? undefined : sections.get(app.toLowerCase())
  if (!app || section === undefined) {
    throw fault('DH_ICA_FILE', {
      why: 'no [ApplicationServers], or no section of the app it names',
    })
  }
  const value = (key: string) => section.values.get(key.toLowerCase()) ?? ''
  if (!value('Address').startsWith(';')) {
    throw fault('DH_ICA_FILE', {
      why: 'Address is no ticket: this file is for a launch without a gateway',
    })
  }
  const gateway = parseEndpoint(value('SSLProxyHost'))
  if (gateway === undefined) throw fault('DH_ICA_FILE', { why: 'SSLProxyHost is no address:port' })
  const cgp = /^on$/i.test(value('CGPSecurityTicket'))
  return {
    app,
    ticket: parseTicket(value('Address')),
    gateway,
    protocol: cgp ? 'cgp' : 'socks',
    port: value('CGPAddress') === '' ? LAUNCH_PORTS.ica : LAUNCH_PORTS.cgp,
  }
}

/** Writes the ICA file of a launch through a gateway. */
export function formatIcaFile({ app, ticket, gateway, protocol, port }: IcaLaunch): string {
  if (!isSectionName(app)) throw new RangeError('an app name that INI cannot hold')
  const cgp = port === LAUNCH_PORTS.cgp
  return [
    '[Encoding]',
    'InputEncoding=UTF8',
    '',
    '[WFClient]',
    'Version=2',
    'RemoveICAFile=yes',
    '',
    '[ApplicationServers]',
    `${app}=`,
    '',
    `[${app}]`,
    `Address=${ticket.reveal()}`,
    `InitialProgram=#${app}`,
    'SSLEnable=On',
    `SSLProxyHost=${formatEndpoint(gateway)}`,
    ...(cgp ? [`CGPAddress=*:${port}`] : []),
    ...(protocol === 'cgp' ? ['CGPSecurityTicket=On'] : []),
    'HTTPBrowserAddress=!',
    'BrowserProtocol=HTTPonTCP',
    'TransportDriver=TCP/IP',
    'WinStationDriver=ICA 3.0',
    '',
  ].join('\r\n')
}

/** No line ends, brackets or `=`, nothing that is trimmed or read as a comment, and not the name of the list. */
function isSectionName(app: string): boolean {
  if (/[\r\n\u2028\u2029[\]=]|^[;#]/.test(app) || /^ApplicationServers$/i.test(app)) return false
  return app !== '' && app.trim() === app
}

interface Section {
  /** keys as they were written, in order */
  readonly names: string[]
  readonly values: Map<string, string>
}

function readSections(text: string): Map<string, Section> {
  const sections = new Map<string, Section>()
  let current: Section | undefined
  for (const line of text.split(/\r?\n/)) {
    const [, title] = /^\s*\[(.+)\]\s*$/.exec(line) ?? []
    if (title !== undefined) {
      current = { names: [], values: new Map() }
      sections.set(title.trim().toLowerCase(), current)
      continue
    }
    const equals = line.indexOf('=')
    if (equals < 1 || current === undefined || /^\s*[;#]/.test(line)) continue
    const name = line.slice(0, equals).trim()
    current.names.push(name)
    current.values.set(name.toLowerCase(), line.slice(equals + 1).trim())
  }
  return sections
}
