import { type HttpService, whole } from './http-services.ts'

/** Requests that two readers may read differently, each with a second request where one of them would see it. */
export function smugglings(
  { head, body, probe }: HttpService,
  hidden: string,
): Readonly<Record<string, string>> {
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`
  const chunked = `${chunk(body)}0\r\n\r\n`
  const both = body.length + hidden.length
  const length = (value: string | number): string => `Content-Length: ${value}\r\n`
  const encoding = (value: string): string => `Transfer-Encoding: ${value}\r\n`
  const [line = '', ...headers] = head.split('\r\n')
  const path = line.split(' ')[1] ?? ''
  const rest = headers.join('\r\n')
  const withLine = (other: string): string => whole(`${other}\r\n${rest}`, body) + hidden
  const probeHead = probe.request.slice(0, -2)

  return {
    ...prefixed('length', {
      'two, the first shorter': `${head}${length(body.length)}${length(both)}\r\n${body}${hidden}`,
      'two, the first longer': `${head}${length(both)}${length(body.length)}\r\n${body}${hidden}`,
      'a list': `${head}${length(`${body.length}, ${both}`)}\r\n${body}${hidden}`,
      signed: `${head}${length(`+${body.length}`)}\r\n${body}${hidden}`,
      negative: `${head}${length(-1)}\r\n${hidden}`,
      hexadecimal: `${head}${length(`0x${body.length.toString(16)}`)}\r\n${body}${hidden}`,
      'with a blank in it': `${head}${length(`${body.length} 0`)}\r\n${body}${hidden}`,
      'with an underscore': `${head}${length(`${body.length}_0`)}\r\n${body}${hidden}`,
      empty: `${head}${length('')}\r\n${hidden}`,
      'beyond 64 bits': `${head}${length(`1844674407370955161${6 + body.length}`)}\r\n${body}${hidden}`,
      'a blank before the colon': `${head}Content-Length : ${body.length}\r\n\r\n${body}${hidden}`,
      'a name with a NUL': `${head}Content-Length\0: 0\r\n${length(both)}\r\n${body}${hidden}`,
      'of a GET': `${probeHead.replace(path, `${path}x`)}${length(hidden.length)}\r\n${hidden}`,
    }),
    ...prefixed('chunks', {
      'behind a length': `${head}${length(4)}${encoding('chunked')}\r\n${chunked}${hidden}`,
      'before a length': `${head}${encoding('chunked')}${length(chunked.length + hidden.length)}\r\n${chunked}${hidden}`,
      'with a length of nothing': `${head}${length(0)}${encoding('chunked')}\r\n${chunked}${hidden}`,
      'in disguise': `${head}${encoding('xchunked')}${length(body.length)}\r\n${body}${hidden}`,
      'before another encoding': `${head}${encoding('chunked, identity')}\r\n${chunked}${hidden}`,
      twice: `${head}${encoding('chunked')}${encoding('identity')}\r\n${chunked}${hidden}`,
      'behind a vertical tab': `${head}${encoding('\x0bchunked')}${length(body.length)}\r\n${body}${hidden}`,
      'in quotes': `${head}${encoding('"chunked"')}${length(body.length)}\r\n${body}${hidden}`,
      'with a blank before the colon': `${head}Transfer-Encoding : chunked\r\n${length(4)}\r\n${chunked}${hidden}`,
      'of HTTP/1.0': `${head.replace('1.1', '1.0')}Connection: keep-alive\r\n${encoding('chunked')}${length(4)}\r\n${chunked}${hidden}`,
      'of a size that overflows': `${head}${encoding('chunked')}\r\nffffffffffffffff1\r\n${hidden}`,
      'of the largest size': `${head}${encoding('chunked')}\r\n7fffffffffffffff\r\n${hidden}`,
      'of a negative size': `${head}${encoding('chunked')}\r\n-1\r\n${hidden}`,
      'of a hexadecimal size': `${head}${encoding('chunked')}\r\n0x0\r\n\r\n${hidden}`,
      'of no size': `${head}${encoding('chunked')}\r\n\r\n${hidden}`,
      'that end with a line feed': `${head}${encoding('chunked')}\r\n0\n\n${hidden}`,
      'with a line feed behind the data': `${head}${encoding('chunked')}\r\n${chunked.replace(`${body}\r\n`, `${body}\n`)}${hidden}`,
      'with a line feed in an extension': `${head}${encoding('chunked')}\r\n0;a\nb\r\n\r\n${hidden}`,
      'with an extension of 100 KB': `${head}${encoding('chunked')}\r\n1;${'a'.repeat(100_000)}\r\nx\r\n0\r\n\r\n${hidden}`,
      'with trailers of 100 KB': `${head}${encoding('chunked')}\r\n0\r\nX: ${'a'.repeat(100_000)}\r\n\r\n${hidden}`,
      'longer than their size': `${head}${encoding('chunked')}\r\n1\r\n${body}\r\n0\r\n\r\n${hidden}`,
    }),
    ...prefixed('lines', {
      'a folded length': `${head}X: a\r\n ${length(0)}${length(both)}\r\n${body}${hidden}`,
      'a folded encoding': `${head}Transfer-Encoding:\r\n chunked\r\n${length(4)}\r\n${chunked}${hidden}`,
      'a blank before the first header': `${line}\r\n ${rest}${length(body.length)}\r\n${body}${hidden}`,
      'all ended by a line feed': (whole(head, body) + hidden).replaceAll('\r\n', '\n'),
      'one ended by a line feed': `${head}X: a\n${length(both)}\r\n${body}${hidden}`,
      'one ended by a carriage return': `${head}X: a\r${length(both)}\r\n${body}${hidden}`,
      'all ended by a carriage return': (whole(head, body) + hidden).replaceAll('\r\n', '\r'),
      'the blank one without its carriage return': `${head}${length(body.length)}\n${body}${hidden}`,
      'a carriage return in a value': `${head}X: a\rb\r\n${length(body.length)}\r\n${body}${hidden}`,
      'a NUL in a value': `${head}X: a\0b\r\n${length(body.length)}\r\n${body}${hidden}`,
      'a NUL in a name': `${head}X\0: a\r\n${length(body.length)}\r\n${body}${hidden}`,
      'no colon': `${head}X\r\n${length(body.length)}\r\n${body}${hidden}`,
      'no name': `${head}: a\r\n${length(body.length)}\r\n${body}${hidden}`,
      'two hosts': `${head}Host: other\r\n${length(body.length)}\r\n${body}${hidden}`.replace(
        path,
        `${path}/x`,
      ),
      'no host': whole(head.replace(/Host: .*\r\n/, ''), body) + hidden,
    }),
    ...prefixed('target', {
      'absolute form': withLine(`POST http://other${path} HTTP/1.1`),
      'absolute form with a login': withLine(`POST http://a:b@127.0.0.1:1${path} HTTP/1.1`),
      'authority form': withLine('POST 127.0.0.1:22 HTTP/1.1'),
      'a tunnel': withLine('CONNECT 127.0.0.1:22 HTTP/1.1'),
      asterisk: withLine('OPTIONS * HTTP/1.1'),
      'of 100 KB': withLine(`POST ${path}?${'a'.repeat(100_000)} HTTP/1.1`),
      'with a blank in it': withLine(`POST ${path} ${path} HTTP/1.1`),
      'with a line feed in it': withLine(`POST ${path}\n HTTP/1.1`),
      'HTTP/0.9': `POST ${path}\r\n\r\n${hidden}`,
      'HTTP/2': `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${hidden}`,
      'HTTP/1.10': withLine(`POST ${path} HTTP/1.10`),
      'a method of 100 KB': withLine(`${'A'.repeat(100_000)} ${path} HTTP/1.1`),
      'a method in lower case': withLine(`post ${path} HTTP/1.1`),
    }),
    ...prefixed('behind a refused one', {
      'of another path': whole(head.replace(path, `${path}x`), body) + hidden,
      'of another method': whole(head.replace('POST', 'PUT'), body) + hidden,
      'of another expectation': whole(`${head}Expect: nothing\r\n`, body) + hidden,
      'that is too long': `${head}${length(100_000)}\r\n${'a'.repeat(100_000)}${hidden}`,
      'that is not understood': whole(head, 'x') + hidden,
    }),
  }
}

function prefixed(name: string, cases: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(cases).map(([what, text]) => [`${name}: ${what}`, text]))
}
