import { randomBytes } from 'node:crypto'
import {
  encodeRefreshTicket,
  encodeRequestData,
  encodeRequestTicket,
  encodeResponseData,
  parseResponseData,
  STA_LIMIT,
  STA_PATH,
} from '@doublehop/wire/sta-messages'
import t, { type Test } from 'tap'
import {
  connectVia,
  type Hop,
  type HttpAnswer,
  httpPost,
  NOBODY,
  openRelay,
  redemption,
  SESSION,
} from './kit/hop.ts'
import { House, type Running } from './kit/house.ts'
import { StaStub } from './kit/sta-stub.ts'
import { until } from './kit/wait.ts'

/** A proxy with an STA behind it that writes down exactly what reaches it. */
class Scene {
  readonly house: House
  readonly proxy: Running
  readonly sta: StaStub

  private constructor(house: House, proxy: Running, sta: StaStub) {
    this.house = house
    this.proxy = proxy
    this.sta = sta
  }

  static async set(t: Test, settings: object = {}): Promise<Scene> {
    const house = new House(t)
    const sta = await StaStub.listen(t, house, '127.0.0.1:2598')
    const proxy = await house.proxy([{ id: 'STA01', urls: [sta.url] }], settings)
    return new Scene(house, proxy, sta)
  }

  relay(): Promise<Hop> {
    return openRelay(this.house, this.proxy, this.sta.at)
  }

  /** Sends this on a connection of its own, and gives the first answer, or the status of one that was only ended. */
  async answerTo(request: string | Uint8Array): Promise<HttpAnswer> {
    const hop = await this.relay()
    try {
      return await hop.ask(request)
    } catch {
      return { status: 0, headers: {}, body: '' }
    } finally {
      hop.destroy()
    }
  }
}

t.test('what reaches the STA is a request that the proxy wrote itself', async (t) => {
  const scene = await Scene.set(t)
  const hex = newHex()
  const secret = [
    'X-Citrix-XmlServiceKey: stolen',
    'Cookie: a=b',
    'Authorization: Bearer x',
    'Accept: */*',
  ]
  const origin = [
    'X-Forwarded-For: 1.2.3.4',
    'Forwarded: for=1.2.3.4',
    'Via: 1.1 x',
    'X-Original-URL: /admin',
    'X-HTTP-Method-Override: PUT',
    'Doublehop-Grant: x',
  ]
  const hop = await scene.relay()
  const { status } = await hop.ask(
    redemption(hex, { headers: [...secret, ...origin, ''].join('\r\n') }),
  )
  t.equal(status, 200)
  const body = Buffer.from(encodeRequestData({ hex })).toString()
  t.same(scene.sta.heard, [
    {
      first: `POST ${STA_PATH} HTTP/1.1`,
      headers: [
        ['doublehop-session', SESSION],
        ['content-type', 'text/xml'],
        ['content-length', String(body.length)],
        ['Host', new URL(scene.sta.url).host],
        ['Connection', 'keep-alive'],
      ],
      body,
    },
  ])
})

t.test(
  'the body is read and written anew: comments, blanks and unknown elements stay behind',
  async (t) => {
    const scene = await Scene.set(t)
    const hex = newHex()
    const odd = `<?xml version="1.0"?><!-- look --><CtxSTAProtocol version="9"   hidden="x"><RequestData extra="y"><Shell>rm</Shell><Ticket a="b">${hex.slice(0, 10)}<!-- here -->${hex.slice(10)}</Ticket><Ticket>${newHex()}</Ticket></RequestData></CtxSTAProtocol>`
    t.equal((await scene.answerTo(httpPost(odd, `Doublehop-Session: ${SESSION}\r\n`))).status, 200)
    t.equal(scene.sta.heard[0]?.body, Buffer.from(encodeRequestData({ hex })).toString())
  },
)

t.test(
  'of what the STA answers only the data comes back, and of its headers only who it is',
  async (t) => {
    const scene = await Scene.set(t)
    const told =
      'Set-Cookie: a=b\r\nServer: secret/1.0\r\nX-Internal: 10.1.2.3\r\nDoublehop-Grant: forged\r\nDoublehop-Authority: STA09\r\nLocation: http://x/\r\n'
    scene.sta.answers.push(scene.sta.good(told))
    const { headers } = await scene.answerTo(redemption(newHex()))
    t.same(Object.keys(headers).toSorted(), [
      'connection',
      'content-length',
      'content-type',
      'date',
      'doublehop-grant',
      'keep-alive',
    ])
    t.match(headers['doublehop-grant'], /^[A-Za-z0-9_-]{120}$/, 'the grant is the proxy’s own')

    scene.sta.answers.push(`HTTP/1.1 406 Not Acceptable\r\n${told}Content-Length: 6\r\n\r\nsecret`)
    const identity = await scene.answerTo(
      `GET ${STA_PATH} HTTP/1.1\r\nHost: sta\r\nCookie: a=b\r\n\r\n`,
    )
    t.equal(identity.status, 406)
    t.same(Object.keys(identity.headers).toSorted(), [
      'connection',
      'content-length',
      'date',
      'doublehop-authority',
      'keep-alive',
    ])
    t.equal(identity.headers['doublehop-authority'], 'STA09')
    t.equal(identity.body, '')
    t.same(
      scene.sta.heard[1]?.headers.map(([name]) => name),
      ['Host', 'Connection'],
      'a GET takes nothing along',
    )
  },
)

t.test('of what a ticket stands for only the two addresses come back', async (t) => {
  const scene = await Scene.set(t)
  const data = [
    { name: 'XData', value: '<CtxConnInfo><UserName>alice</UserName></CtxConnInfo>' },
    { name: 'ICAAddress', value: '10.3.0.7:1494' },
    { name: 'CGPAddress', value: '10.3.0.7:2598' },
    { name: 'ApplicationName', value: 'payroll' },
  ]
  const body = Buffer.from(encodeResponseData(data)).toString()
  scene.sta.answers.push(
    `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const answer = await scene.answerTo(redemption(newHex()))
  t.equal(answer.status, 200)
  t.same(parseResponseData(Buffer.from(answer.body), 'STA01'), data.slice(1, 3))
})

t.test('no other message passes than RequestData', async (t) => {
  const scene = await Scene.set(t)
  const session = `Doublehop-Session: ${SESSION}\r\n`
  const post = (body: Uint8Array | string): string =>
    httpPost(Buffer.from(body).toString(), session)
  const ask = Buffer.from(encodeRequestData({ hex: newHex() })).toString()
  const entity = (dtd: string, use: string): string =>
    ask.replace('SYSTEM "CtxSTA.dtd"', dtd).replace(/<Ticket>/, `<Ticket>${use}`)
  const attempts: Record<string, string> = {
    RequestTicket: post(encodeRequestTicket([{ name: 'CGPAddress', value: '127.0.0.1:22' }])),
    RefreshTicket: post(encodeRefreshTicket({ hex: newHex() })),
    'RequestTicket behind RequestData': post(
      ask.replace('</RequestData>', '</RequestData><RequestTicket><TicketData/></RequestTicket>'),
    ),
    'RequestTicket inside RequestData alone': post(
      '<CtxSTAProtocol><RequestData><RequestTicket/></RequestData></CtxSTAProtocol>',
    ),
    'two RequestData': post(
      ask.replace(
        '</RequestData>',
        `</RequestData><RequestData><Ticket>${newHex()}</Ticket></RequestData>`,
      ),
    ),
    'an element in other case': post(ask.replaceAll('RequestData', 'requestdata')),
    'another root': post(ask.replaceAll('CtxSTAProtocol', 'NFuseProtocol')),
    'an entity': post(entity('[<!ENTITY a "A">]', '&a;')),
    'an external entity': post(entity('[<!ENTITY a SYSTEM "file:///etc/passwd">]', '&a;')),
    'an external DTD': post(ask.replace('CtxSTA.dtd', 'http://127.0.0.1/CtxSTA.dtd')),
    'a second DOCTYPE': post(
      ask.replace(
        '<CtxSTAProtocol',
        '<!DOCTYPE CtxSTAProtocol SYSTEM "CtxSTA.dtd"><CtxSTAProtocol',
      ),
    ),
    'an undeclared entity': post(ask.replace('<Ticket>', '<Ticket>&x;')),
    'a processing instruction': post(ask.replace('<Ticket>', '<?run x?><Ticket>')),
    'great depth': post(
      `<CtxSTAProtocol>${'<a>'.repeat(3000)}${'</a>'.repeat(3000)}</CtxSTAProtocol>`,
    ),
    'many elements': post(
      `<CtxSTAProtocol><RequestData>${'<a/>'.repeat(9000)}</RequestData></CtxSTAProtocol>`,
    ),
    'a ticket of another form': post(
      ask.replace(/<Ticket>.*<\/Ticket>/, '<Ticket>../../admin</Ticket>'),
    ),
    'a 42 ticket': post(
      ask.replace(
        /<Ticket>.*<\/Ticket>/,
        `<Ticket>;42;STA01;${newHex()};STA02;${newHex()}</Ticket>`,
      ),
    ),
    'UTF-16': post(Buffer.from(ask, 'utf16le').toString('latin1')),
    'a broken document': post(ask.slice(0, -5)),
    'text behind it': post(`${ask}GET / HTTP/1.1`),
    nothing: post(''),
    JSON: post('{"RequestData":{}}'),
  }
  for (const [what, request] of Object.entries(attempts)) {
    const { status, headers } = await scene.answerTo(request)
    t.equal(status, 403, what)
    t.match(headers['doublehop-error'], /^DH_(RELAY_REQUEST|XML|STA_REQUEST|TICKET_FORM)$/, what)
  }
  t.equal(scene.sta.heard.length, 0, 'the STA heard of none of them')
})

t.test('no other method and no other path passes', async (t) => {
  const scene = await Scene.set(t)
  const body = Buffer.from(encodeRequestData({ hex: newHex() })).toString()
  const session = `Doublehop-Session: ${SESSION}\r\n`
  const paths = [
    '/',
    '/Scripts/CtxSTA.dll/',
    '/scripts/ctxsta.dll',
    '/SCRIPTS/CtxSTA.dll',
    '/Scripts/CtxSTA%2edll',
    '/Scripts/../Scripts/CtxSTA.dll',
    '//Scripts/CtxSTA.dll',
    '/Scripts/CtxSTA.dll?x=1',
    '/Scripts/CtxSTA.dll#x',
    '/Scripts/CtxSTA.dll;x',
    '/Scripts/CtxSTA.dll\t',
    `http://sta${STA_PATH}`,
    'http://10.1.2.3:22/',
    '/readyz',
    '/sessions',
    '*',
  ]
  for (const path of paths) {
    for (const request of [
      httpPost(body, session, path),
      `GET ${path} HTTP/1.1\r\nHost: sta\r\n\r\n`,
    ]) {
      const { status } = await scene.answerTo(request)
      t.ok(status === 403 || status === 400, `${request.slice(0, 60).trim()}: ${status}`)
    }
  }
  for (const method of [
    'PUT',
    'HEAD',
    'OPTIONS',
    'DELETE',
    'PATCH',
    'TRACE',
    'post',
    'PROPFIND',
    'CONNECT',
    'PRI',
    'GETT',
  ]) {
    const { status } = await scene.answerTo(httpPost(body, session).replace('POST', method))
    t.ok([0, 400, 403].includes(status), `${method}: ${status}`)
  }
  t.equal(scene.sta.heard.length, 0, 'the STA heard of none of them')
})

t.test('a redemption names its session, or is refused', async (t) => {
  const scene = await Scene.set(t)
  const hex = newHex()
  for (const session of [
    '',
    '-',
    SESSION.toUpperCase(),
    SESSION.slice(1),
    `${SESSION}0`,
    `${SESSION}\r\nDoublehop-Session: ${SESSION}`,
    `${SESSION}, ${SESSION}`,
  ]) {
    t.equal(
      (await scene.answerTo(redemption(hex, { session }))).status,
      403,
      `session "${session}"`,
    )
  }
  t.equal(
    (await scene.answerTo(httpPost(Buffer.from(encodeRequestData({ hex })).toString()))).status,
    403,
    'no header at all',
  )
  t.equal(scene.sta.heard.length, 0)
})

t.test('what HTTP may ask of a connection changes nothing of what reaches the STA', async (t) => {
  const scene = await Scene.set(t)
  const extras = [
    'Connection: Upgrade\r\nUpgrade: websocket\r\n',
    'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n',
    'Connection: doublehop-session\r\n',
    'Connection: close\r\n',
    'TE: trailers\r\nTrailer: Doublehop-Session\r\n',
    'Range: bytes=0-1\r\nIf-None-Match: *\r\n',
    'Accept-Encoding: gzip, br\r\n',
  ]
  for (const headers of extras) {
    const { status, headers: answered } = await scene.answerTo(redemption(newHex(), { headers }))
    t.equal(status, 200, headers.trim())
    t.notOk('content-encoding' in answered || 'upgrade' in answered)
  }
  const hop = await scene.relay()
  t.equal(
    (await hop.ask(redemption(newHex(), { headers: 'Expect: 100-continue\r\n' }))).status,
    100,
  )
  t.equal((await hop.readAnswer()).status, 200)
  const names = scene.sta.heard.map(({ headers }) =>
    headers.map(([name]) => name.toLowerCase()).join(' '),
  )
  t.same(new Set(names), new Set(['doublehop-session content-type content-length host connection']))
})

t.test(
  'the all-zero ticket is unknown, and counts as no failure at the proxy either',
  async (t) => {
    const house = new House(t)
    const sta = await house.sta()
    const proxy = await house.proxy([{ id: 'STA01', urls: [`https://${sta.where()}`] }])
    const failures = async (): Promise<number> => {
      const metric = await proxy.metrics.registry.getSingleMetric('doublehop_failures_total')?.get()
      return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
    }
    const hop = await openRelay(house, proxy, sta.at.listen ?? { host: '', port: 0 })
    t.match((await hop.ask(redemption('0'.repeat(32)))).body, /<ErrorId>ticket-unknown</)
    t.equal(await failures(), 0)
    t.match((await hop.ask(redemption('A'.repeat(32)))).body, /<ErrorId>ticket-unknown</)
    t.equal(await failures(), 1, 'another one does')
  },
)

t.test('two sessions on one connection are two sessions, each with its own grant', async (t) => {
  const scene = await Scene.set(t)
  const hop = await scene.relay()
  const other = 'e'.repeat(32)
  const first = await hop.ask(redemption(newHex()))
  const second = await hop.ask(redemption(newHex(), { session: other }))
  t.same(
    scene.sta.heard.map(({ headers }) => headers[0]),
    [
      ['doublehop-session', SESSION],
      ['doublehop-session', other],
    ],
  )
  t.not(first.headers['doublehop-grant'], second.headers['doublehop-grant'])
})

t.test('pipelined requests are answered one by one, in their order', async (t) => {
  const scene = await Scene.set(t)
  const hexes = [newHex(), newHex(), newHex()]
  const hop = await scene.relay()
  hop.write(hexes.map((hex) => redemption(hex)).join(''))
  for (const _ of hexes) t.equal((await hop.readAnswer()).status, 200)
  t.same(new Set(scene.sta.heard.map(({ body }) => /[0-9A-F]{32}/.exec(body)?.[0])), new Set(hexes))
  t.equal(scene.sta.heard.length, hexes.length)
})

t.test('a body of 65,536 bytes is read, one of 65,537 is not', async (t) => {
  const scene = await Scene.set(t)
  const hex = newHex()
  const body = Buffer.from(encodeRequestData({ hex })).toString().trimEnd()
  const sized = (size: number): string =>
    httpPost(body + ' '.repeat(size - body.length), `Doublehop-Session: ${SESSION}\r\n`)
  t.equal((await scene.answerTo(sized(STA_LIMIT))).status, 200)
  t.equal((await scene.answerTo(sized(STA_LIMIT + 1))).status, 403)
  t.equal(scene.sta.heard.length, 1)
})

t.test(
  'two readings of one request: the STA hears at most one, and only what the proxy wrote',
  async (t) => {
    const hex = newHex()
    const body = Buffer.from(encodeRequestData({ hex })).toString()
    const hidden = redemption(newHex(), { session: 'a'.repeat(32) })
    const start = `POST ${STA_PATH} HTTP/1.1\r\nHost: sta\r\nDoublehop-Session: ${SESSION}\r\n`
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
    const attempts: Record<string, string> = {
      'a chunked body': `${start}Transfer-Encoding: chunked\r\n\r\n${chunked}`,
      'length and chunks': `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}${hidden}`,
      'chunks and length': `${start}Transfer-Encoding: chunked\r\nContent-Length: ${chunked.length + hidden.length}\r\n\r\n${chunked}${hidden}`,
      'two lengths': `${start}Content-Length: ${body.length}\r\nContent-Length: ${body.length + hidden.length}\r\n\r\n${body}${hidden}`,
      'two equal lengths': `${start}Content-Length: ${body.length}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'a list of lengths': `${start}Content-Length: ${body.length}, ${body.length}\r\n\r\n${body}`,
      'a signed length': `${start}Content-Length: +${body.length}\r\n\r\n${body}`,
      'a negative length': `${start}Content-Length: -1\r\n\r\n${body}`,
      'a hexadecimal length': `${start}Content-Length: 0x10\r\n\r\n${body}`,
      'identity and chunks': `${start}Transfer-Encoding: identity, chunked\r\n\r\n${chunked}`,
      'chunks in disguise': `${start}Transfer-Encoding: xchunked\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'chunks behind a tab': `${start}Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
      'a blank before the colon': `${start}Content-Length : ${body.length}\r\n\r\n${body}`,
      'a folded header': `${start}X-A: b\r\n Content-Length: 0\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'bare line feeds': `${start}Content-Length: ${body.length}\r\n\r\n${body}`.replaceAll(
        '\r\n',
        '\n',
      ),
      'a NUL in a header': `${start}X-A: \0\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'HTTP/0.9': `POST ${STA_PATH}\r\n\r\n`,
      'HTTP/1.0 without a length': `POST ${STA_PATH} HTTP/1.0\r\nDoublehop-Session: ${SESSION}\r\n\r\n${body}`,
      'HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
      'no host': `POST ${STA_PATH} HTTP/1.1\r\nDoublehop-Session: ${SESSION}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'headers of 5 KB': `${start}X-A: ${'a'.repeat(5000)}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      'a GET with a request as its body': `GET ${STA_PATH}x HTTP/1.1\r\nHost: sta\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
    }
    for (const [what, request] of Object.entries(attempts)) {
      await t.test(what, async (t) => {
        const scene = await sceneOf(t)
        const before = scene.sta.heard.length
        const { status } = await scene.answerTo(request)
        t.ok([0, 400, 403, 431].includes(status), `answered ${status}`)
        // One that is good, on another connection, shows that nothing is under way any more.
        t.equal(
          (await scene.answerTo(redemption(newHex(), { session: 'd'.repeat(32) }))).status,
          200,
        )
        t.same(
          scene.sta.heard.slice(before).map(({ headers }) => headers[0]?.[1]),
          ['d'.repeat(32)],
          'the STA heard the good one alone',
        )
        t.equal(scene.sta.rest, '')
      })
    }
  },
)

t.test('what an STA answers wrongly is no answer, and grants nothing', async (t) => {
  const scene = await Scene.set(t)
  const xml = (body: string): string =>
    `HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  const attempts: Record<string, string> = {
    'a page': xml('<html><body>login</body></html>'),
    'another message': xml('<CtxSTAProtocol><ResponseTicket/></CtxSTAProtocol>'),
    'no data': xml('<CtxSTAProtocol><ResponseData/></CtxSTAProtocol>'),
    'an unknown refusal': xml(
      '<CtxSTAProtocol><ResponseData><ErrorId>later</ErrorId></ResponseData></CtxSTAProtocol>',
    ),
    'too much': xml('x'.repeat(STA_LIMIT + 1)),
    'a redirect': 'HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n',
    'no HTTP': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  }
  for (const [what, answer] of Object.entries(attempts)) {
    scene.sta.answers.push(answer)
    const { status, headers } = await scene.answerTo(redemption(newHex()))
    t.ok(status === 502 || status === 403, `${what}: ${status}`)
    t.notHas(headers, { 'doublehop-grant': String }, what)
  }
})

t.test('a CONNECT to an STA wants "-" twice, whatever else is shown is denied', async (t) => {
  const scene = await Scene.set(t)
  const { port } = scene.sta.at
  const logins = [
    ['-', SESSION],
    [SESSION, '-'],
    ['-', '--'],
    ['a', 'b'],
    [SESSION, 'A'.repeat(120)],
  ] as const
  const others = ['localhost', '127.0.0.2', '::1', '::ffff:127.0.0.1']
  const answers = await Promise.all([
    ...logins.map((login) => connectVia(scene.house, scene.proxy, scene.sta.at, login)),
    ...others.map((host) => connectVia(scene.house, scene.proxy, { host, port }, NOBODY)),
  ])
  for (const [at, { reply, milliseconds }] of answers.entries()) {
    const what =
      logins[at]?.join(' ') ?? `${others[at - logins.length]} is another spelling, and no STA`
    t.equal(reply, 2, what)
    t.ok(milliseconds >= 249, `after ${milliseconds} ms: ${what}`)
  }
  t.equal(scene.sta.connections, 0)
})

t.test('a request that does not come to its end is cut', async (t) => {
  const scene = await Scene.set(t, { limits: { staRequest: '300 ms' } })
  const beginnings = [`POST ${STA_PATH} HT`, redemption(newHex()).slice(0, -20), '']
  const took = beginnings.map(async (beginning) => {
    const hop = await scene.relay()
    hop.write(beginning)
    const began = performance.now()
    await hop.rest()
    return performance.now() - began
  })
  for (const milliseconds of await Promise.all(took))
    t.ok(milliseconds < 4000, `after ${milliseconds} ms`)
  t.equal(scene.sta.heard.length, 0)
})

t.test('a ticket is never written to the log of a proxy', async (t) => {
  const scene = await Scene.set(t)
  const hex = newHex()
  await scene.answerTo(redemption(hex))
  await scene.answerTo(redemption(hex).replace('<Ticket>', '<Ticket>x'))
  await scene.answerTo(`GET /?${hex} HTTP/1.1\r\nHost: sta\r\n\r\n`)
  await scene.answerTo(httpPost(`<${`a${hex}`}/>`, `Doublehop-Session: ${SESSION}\r\n`))
  const login = [SESSION, '-'] as const
  for (const host of [`40;STA01;${hex}`, ` ;40;STA01;${hex}`, hex, `;40;STA01;${hex}`]) {
    await connectVia(scene.house, scene.proxy, { host, port: 2598 }, login)
  }
  await until(
    () => scene.house.log.length,
    (lines) => lines > 6,
  )
  t.notMatch(JSON.stringify(scene.house.log), hex.slice(0, 16))
})

const SCENES = new Map<Test, Promise<Scene>>()

/** One scene for the many small tests of a parent, which it ends with. */
function sceneOf(t: Test): Promise<Scene> {
  const parent = t.parent as Test
  const scene = SCENES.get(parent) ?? Scene.set(parent)
  SCENES.set(parent, scene)
  return scene
}

function newHex(): string {
  return randomBytes(16).toString('hex').toUpperCase()
}
