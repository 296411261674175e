import { Agent, request as httpRequest } from 'node:http'
import type { Duplex } from 'node:stream'
import { readBody } from '@doublehop/daemon/http-body'
import { asFault, fault, isFault } from '@doublehop/errors/fault'
import { utf8 } from '@doublehop/wire/text'
import { parseTicket, type Ticket } from '@doublehop/wire/ticket'
import { z } from 'zod'
import type { GatewayAccess } from './gateway-access.ts'

const Apps = z.object({
  apps: z.array(
    z.object({ name: z.string(), description: z.string().optional(), ports: z.array(z.number()) }),
  ),
})
const Issued = z.object({ ticket: z.string(), expires: z.iso.datetime() })

export type PublishedApp = z.output<typeof Apps>['apps'][number]

const REQUEST_MILLISECONDS = 15_000
const ANSWER_LIMIT = 1_048_576

/** The storefront, as a workspace reaches it: HTTP through the gateway, with the bearer token. */
export class StorefrontClient {
  readonly #access: GatewayAccess
  readonly #token: string
  readonly #agent: Agent

  constructor(access: GatewayAccess, token: string) {
    this.#access = access
    this.#token = token
    this.#agent = new GatewayAgent(access)
  }

  /** What is published. @throws Fault DH_DIAL_…, DH_STOREFRONT_ANSWER */
  async apps(): Promise<PublishedApp[]> {
    return (await this.#ask(Apps, 'GET', '/apps')).apps
  }

  /** A ticket for one launch. @throws Fault DH_DIAL_…, DH_STOREFRONT_ANSWER, DH_TICKET_FORM */
  async ticket(app: string): Promise<{ ticket: Ticket; expires: string }> {
    const { ticket, expires } = await this.#ask(Issued, 'POST', '/tickets', { app })
    return { ticket: parseTicket(ticket), expires }
  }

  close(): void {
    this.#agent.destroy()
  }

  async #ask<T>(shape: z.ZodType<T>, method: string, path: string, body?: object): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const text = body && JSON.stringify(body)
    const request = httpRequest({
      agent: this.#agent,
      method,
      path,
      host: this.#access.address.gateway.host,
      port: this.#access.address.gateway.port,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(text && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        }),
      },
    })
    const timer = setTimeout(
      () => request.destroy(refusal(504, `no answer within ${REQUEST_MILLISECONDS / 1000} s`)),
      REQUEST_MILLISECONDS,
    )
    request
      .on('response', (response) => {
        const { statusCode: status = 0 } = response
        void readBody(response, ANSWER_LIMIT).then((body) => {
          const answer = utf8(body ?? new Uint8Array(0)) ?? ''
          if (status >= 300) return reject(refusal(status, problemIn(answer)))
          const { success, data } = shape.safeParse(readJson(answer))
          if (success) resolve(data)
          else reject(refusal(status, 'this is not what a storefront says'))
        })
      })
      .on('error', (error) =>
        reject(isFault(error) ? error : refusal(0, `the connection ended (${error.message})`)),
      )
      .end(text)
    return await promise.finally(() => clearTimeout(timer))
  }
}

/** Connections to the storefront are connections to the gateway. */
class GatewayAgent extends Agent {
  readonly #access: GatewayAccess

  constructor(access: GatewayAccess) {
    super({ keepAlive: true, timeout: 10_000 })
    this.#access = access
  }

  override createConnection(
    _: object,
    callback?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    this.#access.dial().then(
      (leg) => callback?.(null, leg.handOver()),
      (error) => callback?.(asFault(error), undefined as unknown as Duplex),
    )
    return undefined
  }
}

function refusal(status: number, why: string) {
  return fault('DH_STOREFRONT_ANSWER', { status, why })
}

function problemIn(answer: string): string {
  const problem = z.object({ message: z.string() }).safeParse(readJson(answer))
  return problem.success ? problem.data.message : 'no reason given'
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
