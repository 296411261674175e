import { type Input, type Verdict, WRONG_PASSWORD } from './socksv5.ts'

/** Where our server and socksv5 judge alike inputs differently, and why. */

export interface Difference {
  readonly name: string
  readonly why: string
  readonly applies: (parts: Parts) => boolean
  readonly ours: Verdict['kind']
  readonly theirs: Verdict['kind'] | 'anything'
  /** where both accept: what ours becomes when it is read as they read it */
  readonly asTheirs?: (host: string, parts: Parts) => string
}

export const DIFFERENCES: readonly Difference[] = [
  {
    name: 'login that is not UTF-8',
    why: 'we refuse it; socksv5 replaces what it cannot read, so two passwords may pass for one',
    applies: ({ login }) =>
      login?.password !== undefined && !(isUtf8(login.username) && isUtf8(login.password)),
    ours: 'refused',
    theirs: 'anything',
  },
  {
    name: 'wrong password',
    why: 'we answer 01 01; socksv5 answers too, but then calls util.isError, which Node no longer has',
    applies: ({ login }) =>
      Buffer.from(login?.password ?? []).toString() === WRONG_PASSWORD &&
      login?.username.length !== 0,
    ours: 'refused',
    theirs: 'threw',
  },
  {
    name: 'other login version',
    why: 'both refuse, socksv5 by way of util.isError',
    applies: ({ login }) => login !== undefined && login.version !== 1,
    ours: 'refused',
    theirs: 'threw',
  },
  {
    name: 'empty user name or password',
    why: 'we read the login to its end and answer 01 01; socksv5 refuses at the length, without an answer',
    applies: ({ login }) =>
      login?.password !== undefined && (login.username.length === 0 || login.password.length === 0),
    ours: 'refused',
    theirs: 'threw',
  },
  {
    name: 'empty user name in a login that is cut off',
    why: 'the same, seen before the login is whole',
    applies: ({ login }) => login?.usernameLength === 0 && login.password === undefined,
    ours: 'waiting',
    theirs: 'threw',
  },
  {
    name: 'wrong start of a request that is cut off',
    why: 'we read the first four bytes before we answer, so that the reply follows the request',
    applies: ({ request }) =>
      request !== undefined &&
      request.type === undefined &&
      (request.version !== 5 || (request.command !== undefined && !isCommand(request.command))),
    ours: 'waiting',
    theirs: 'refused',
  },
  {
    name: 'unknown command in a request that is cut off',
    why: 'we read the whole request before we answer 07; socksv5 refuses at the command, without an answer',
    applies: ({ request }) =>
      request?.version === 5 &&
      isAddressType(request.type) &&
      !isCommand(request.command ?? 0) &&
      request.port === undefined,
    ours: 'waiting',
    theirs: 'refused',
  },
  {
    name: 'IPv6',
    why: 'socksv5 drops the leading zero of every second byte: 01 02 becomes 12',
    applies: ({ request }) => isWholeConnect(request) && request?.type === 4,
    ours: 'accepted',
    theirs: 'accepted',
    asTheirs: (_, { request }) => withoutInnerZeros(request?.address ?? new Uint8Array(16)),
  },
  {
    name: 'empty name',
    why: 'we refuse it; socksv5 would resolve it',
    applies: ({ request }) =>
      isWholeConnect(request) && request?.type === 3 && request.address?.length === 0,
    ours: 'refused',
    theirs: 'accepted',
  },
  {
    name: 'name that is not printable ASCII',
    why: 'we refuse it; socksv5 hands it to the resolver, where a zero byte ends the process',
    applies: ({ request }) =>
      isWholeConnect(request) &&
      request?.type === 3 &&
      !isPrintable(request.address ?? new Uint8Array(0)),
    ours: 'refused',
    theirs: 'accepted',
  },
]

const isUtf8 = (bytes: Uint8Array) => Buffer.from(Buffer.from(bytes).toString()).equals(bytes)
const isPrintable = (bytes: Uint8Array) => /^[ -~]*$/.test(Buffer.from(bytes).toString('latin1'))
const isCommand = (command: number) => command >= 1 && command <= 3
const isAddressType = (type: number | undefined) => type === 1 || type === 3 || type === 4
const isWholeConnect = (request: Parts['request']) =>
  request?.version === 5 && request.command === 1 && request.port !== undefined

function withoutInnerZeros(address: Uint8Array): string {
  const bytes = Array.from(address, (byte) => byte.toString(16))
  return Array.from({ length: 8 }, (_, word) => `${bytes[2 * word]}${bytes[2 * word + 1]}`).join(
    ':',
  )
}

/** An input taken apart as far as it goes, by its lengths alone. */
export interface Parts {
  readonly login:
    | undefined
    | {
        readonly version: number
        readonly usernameLength: number | undefined
        readonly username: Uint8Array
        /** undefined where the login is cut off */
        readonly password: Uint8Array | undefined
      }
  readonly request:
    | undefined
    | {
        readonly version: number
        readonly command: number | undefined
        readonly type: number | undefined
        readonly address: Uint8Array | undefined
        /** undefined where the request is cut off */
        readonly port: number | undefined
      }
}

export function takeApart({ methods, pieces }: Input): Parts {
  const bytes = Buffer.concat(pieces)
  const login = 2 + (bytes[1] ?? 0)
  const offered = bytes.subarray(2, login)
  const method = methods.find((name) => offered.includes(name === 'none' ? 0 : 2))
  if (bytes[0] !== 5 || method === undefined || bytes.length <= login) {
    return { login: undefined, request: undefined }
  }
  if (method === 'none')
    return { login: undefined, request: takeRequestApart(bytes.subarray(login)) }
  const username = field(bytes, login + 1)
  const password = username && field(bytes, login + 2 + username.length)
  const parts = {
    version: bytes[login] ?? 0,
    usernameLength: bytes[login + 1],
    username: username ?? new Uint8Array(0),
    password,
  }
  const request = login + 3 + (username?.length ?? 0) + (password?.length ?? 0)
  const goesOn = password !== undefined && password.toString() !== WRONG_PASSWORD
  const valid = goesOn && parts.version === 1 && username?.length !== 0 && password.length !== 0
  if (!valid || bytes.length <= request) return { login: parts, request: undefined }
  return { login: parts, request: takeRequestApart(bytes.subarray(request)) }
}

function takeRequestApart(bytes: Buffer): Parts['request'] {
  const [version = 0, command, , type] = bytes
  const address =
    type === 3 ? field(bytes, 4) : type === 1 ? bytes.subarray(4, 8) : bytes.subarray(4, 20)
  const end = 4 + (type === 3 ? 1 : 0) + (type === 3 ? (address?.length ?? 0) : type === 1 ? 4 : 16)
  const whole = isAddressType(type) && address !== undefined && bytes.length >= end + 2
  return { version, command, type, address, port: whole ? bytes.readUInt16BE(end) : undefined }
}

/** A length and so many bytes; undefined where they are not all there. */
function field(bytes: Buffer, at: number): Buffer | undefined {
  const length = bytes[at]
  if (length === undefined || bytes.length < at + 1 + length) return
  return bytes.subarray(at + 1, at + 1 + length)
}
