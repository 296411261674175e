import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, type RedisOptions } from 'ioredis'
import { nameToVerify } from './tls.ts'

/** How long a connection that is given up may take to end. */
const DISCONNECT_MILLISECONDS = 2000

/**
 * Opens the connections of ioredis, and hears all their errors. A TLS socket may report two (a certificate that is not
 * believed, and a record that cannot be read behind it), of which ioredis hears the first; one that nobody hears ends
 * the process. Node leaves a socket open that got a bad record, and ioredis would wait for its end.
 */
export class RedisConnector extends AbstractConnector {
  readonly #options: RedisOptions

  constructor(options: RedisOptions) {
    super(DISCONNECT_MILLISECONDS)
    this.#options = options
  }

  override async connect(): Promise<Socket> {
    const { host = 'localhost', port = 6379, tls } = this.#options
    const stream =
      tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ ...tls, host, port, ...nameToVerify(host) })
    stream.on('error', (error) => {
      this.firstError ??= error
      stream.destroy()
    })
    this.stream = stream
    return stream
  }
}
