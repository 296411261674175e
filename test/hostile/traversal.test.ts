import { encodeRequestData } from '@doublehop/wire/sta-messages'
import t from 'tap'
import { type HttpPort, httpPorts } from '../kit/http-ports.ts'

/** The longest answer to a path that is none, headers and all. */
const BOUND = 512
/** What refuses: malformed, forbidden, not found, no such method, ask for localhost. */
const REFUSALS = new Set([400, 403, 404, 405, 421])
/** What stands in files that a traversal is after. */
const FILES = /root:|PRIVATE KEY|BEGIN CERT|doublehop"|apps:|\[core\]|daemon:|PATH=/

/** Ways up and out, as servers have taken them for `/`, `.` and `..`. */
const UPWARD = [
  '/../',
  '/../../../../../../../../',
  '/./.././../',
  '/%2e%2e/%2e%2e/%2e%2e/',
  '/%2E%2E/%2E%2e/',
  '/.%2e/%2e./',
  '/..%2f..%2f..%2f',
  '/..%2F%2F..%2F',
  '/%2e%2e%2f%2e%2e%2f',
  '/%252e%252e/%252e%252e/',
  '/%252e%252e%252f',
  '/%25252e%25252e%25252f',
  '/..;/..;/',
  '/;/../',
  '/..%3b/',
  '\\..\\..\\',
  '/..\\..\\',
  '/..%5c..%5c',
  '/%5c%5c',
  '/..%255c',
  '/%c0%ae%c0%ae/',
  '/%c0%af..%c0%af',
  '/%e0%80%ae%e0%80%ae/',
  '/%u002e%u002e/',
  '/....//....//',
  '//',
  '///../',
  '/%00/../',
  '/\0/../',
  '/.../',
  '',
]
const OUTSIDE = ['etc/passwd%00.html', 'proc/self/environ', 'package.json']
/** Targets that are no path of origin form. */
const ODD = [
  ...['*', '/', '//', '.', '..', '/.', '/..', '/%00', '/\0', '?', '#', '/?/../', '/;', '/~root/'],
  ...['file:///etc/passwd', 'http://127.0.0.1/etc/passwd', 'HTTP://localhost//etc/passwd'],
  ...['//localhost/etc/passwd', '/http://localhost/etc/passwd', 'localhost:80', '/.git/config'],
  ...['/doublehop.yaml', '/certs/sta/tls.key', '/../certs/ca/ca.key', '/CON', '/::$DATA'],
]

const TARGETS = [...UPWARD.map((up) => `${up}etc/passwd`), ...ODD]

t.test('paths that lead nowhere', async (t) => {
  for (const port of await httpPorts(t)) {
    t.test(port.name, async (t) => {
      const answers = new Set<string>()
      const ask = async (method: string, target: string): Promise<void> => {
        const bytes = await port.answerTo(requestOf(port, method, target))
        const text = bytes.toString('latin1')
        const status = statusOf(text)
        answers.add(`${status} ${text.slice(text.indexOf('\r\n\r\n') + 4)}`)
        const isRefused = status === undefined || REFUSALS.has(status)
        if (isRefused && bytes.length <= BOUND && !FILES.test(text)) return
        t.fail(`${method} ${JSON.stringify(target)} is answered: ${text.slice(0, 200)}`)
      }

      await all([...TARGETS, ...OUTSIDE.flatMap(upTo)], (target) => ask('GET', target))
      for (const path of Object.keys(port.paths))
        await all(near(port, path), (at) => ask('GET', at))
      await all(TARGETS.slice(0, 12), (target) => ask('POST', target))
      for (const path of Object.keys(port.paths))
        await all(['HEAD', 'PUT', 'DELETE', 'TRACE', 'PROPFIND', 'CONNECT'], (how) =>
          ask(how, path),
        )
      t.ok(answers.size <= 6, `says one of few things: ${[...answers].join(' · ')}`)

      for (const [path, status] of Object.entries(port.paths)) {
        const text = String(await port.answerTo(requestOf(port, 'GET', path)))
        t.equal(statusOf(text), status, `${path} itself is there`)
        t.notMatch(text, /root:|PRIVATE KEY/)
      }
    })
  }
})

/** A few ways to this file. */
function upTo(file: string): string[] {
  return ['/../../', '/%2e%2e/%2e%2e/', '/..;/', '/'].map((up) => up + file)
}

/** Targets beside a path that is there, which a server that tidies up paths would take for it. */
function near({ anyCase }: HttpPort, path: string): string[] {
  const bare = path.slice(1)
  const encoded = bare.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)
  const around = [
    ...[`/.${path}`, `/x/..${path}`, `/${path}`, `//localhost${path}`, `/x/%2e%2e${path}`],
    ...[`/..;${path}`, `/;${path}`, `\\${bare}`, `/\\${bare}`, bare, `http://localhost${path}`],
    ...[`${path}/`, `${path}/.`, `${path}/..`, `${path}/../../etc/passwd`, `${path}%2f..`],
    ...[`${path}%00`, `${path}\0`, `${path}%20`, `${path};x`, `${path}?x`, `${path}#x`, `${path}~`],
    ...[`/${encoded}`, `/%${bare.charCodeAt(0).toString(16)}${bare.slice(1)}`, `${path}.bak`],
    ...[`/%25${encoded.slice(1)}`, `${path}::$DATA`, `%2f${bare}`, `${path}\t`, `${path}\x85`],
  ]
  return anyCase
    ? around
    : [...around, path.toUpperCase(), `/${bare[0]}${bare.slice(1).toUpperCase()}`]
}

function requestOf({ headers }: HttpPort, method: string, target: string): Buffer {
  const body =
    method === 'POST' ? Buffer.from(encodeRequestData({ hex: 'A'.repeat(32) })) : Buffer.alloc(0)
  const length = method === 'POST' ? `Content-Length: ${body.length}\r\n` : ''
  const head = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}${length}Connection: close\r\n\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), body])
}

function statusOf(answer: string): number | undefined {
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? []
  return status === undefined ? undefined : Number(status)
}

/** Eight at a time. */
async function all<T>(things: readonly T[], work: (thing: T) => Promise<void>): Promise<void> {
  const left = things.values()
  const worker = async (): Promise<void> => {
    for (const thing of left) await work(thing)
  }
  await Promise.all(Array.from({ length: 8 }, worker))
}
