import { randomInt } from 'node:crypto'
import { createServer } from 'node:http'
import t, { type Test } from 'tap'
import { allowlistProxy } from '../kit/allowlist-proxy.ts'
import { run } from '../kit/foreign.ts'
import { listens } from '../kit/free-port.ts'
import { House } from '../kit/house.ts'
import { nameServer } from '../kit/name-server.ts'
import { missing } from '../kit/tools.ts'

/** What nmap fetches through a proxy always stands at port 80, and its name is always asked of port 53. */
const WEB_PORT = 80
const isRoot = process.getuid?.() === 0
const skip = missing('nmap') || (!isRoot && 'only root may take ports 53 and 80')

t.test('nmap’s socks-open-proxy', { skip }, async (t) => {
  const own = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`
  await nameServer(t, own, own)
  const fetched = await webServer(t, own)
  const house = new House(t)
  // A TLS port says nothing to the three bytes of a greeting, and nmap waits for it to give up.
  const limits = { tlsHandshake: '500 ms' }
  const { gateway, proxy, sta } = await house.doubleHop({ gateway: { limits }, proxy: { limits } })
  const stas = [{ id: 'STA01', urls: [`https://${sta.where()}`] }]
  const plain = await house.proxy(stas, { secure: 'off', allow: { networks: ['127.0.0.0/8'] } })
  const unlisted = await house.proxy(stas, { secure: 'off', allow: { networks: ['127.9.9.0/24'] } })
  const open = await allowlistProxy(house, [WEB_PORT])

  for (const [what, { at }] of Object.entries({
    'a gateway': gateway,
    'a proxy': proxy,
    'a proxy with secure: off': plain,
    'a proxy with secure: off that does not list it': unlisted,
  })) {
    t.test(`finds ${what} closed`, async (t) => {
      t.notMatch(await openProxy(t, at.listen?.port, own), /socks-open-proxy/)
      t.equal(fetched(), 0)
    })
  }

  t.test('finds a proxy open that is', async (t) => {
    t.match(await openProxy(t, open.at.listen?.port, own), /socks-open-proxy: \n.*status: open\n/)
    t.not(fetched(), 0)
  })
})

/** What nmap says of this port when asked to fetch a page of ours through it. */
async function openProxy(t: Test, port: number | undefined, own: string): Promise<string> {
  const page = `proxy.url=http://page.example/,proxy.pattern=found`
  const script = ['--script', '+socks-open-proxy', '--script-args', page, '--dns-servers', own]
  const args = ['-Pn', '-sT', '-p', String(port), ...script, '127.0.0.1']
  const { code, stdout } = await run(t, 'nmap', args)
  t.equal(code, 0)
  t.match(String(stdout), new RegExp(`${port}/tcp\\s+open`), 'the port itself is open')
  return String(stdout)
}

/** @returns how often it was asked */
async function webServer(t: Test, host: string): Promise<() => number> {
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    response.end('found\n')
  })
  t.teardown(() => server.close())
  if (!(await listens(server, host, WEB_PORT))) throw new Error(`${host}:${WEB_PORT} is taken`)
  return () => asked
}
