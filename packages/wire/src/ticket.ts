import { createHash } from 'node:crypto'
import { fault } from '@doublehop/errors/fault'

/** Versions of the ticket string that are read; 42 holds two tickets of two STAs. */
export type TicketVersion = 10 | 20 | 22 | 40 | 42

/** The ticket of one STA: who issued it and its secret. Masked wherever it is printed. */
export class StaTicket {
  /** id of the STA that issued it: `STA` and 1 to 13 letters or digits */
  readonly sta: string
  readonly #hex: string

  /** @throws Fault DH_TICKET_FORM */
  constructor(sta: string, hex: string) {
    if (!isStaId(sta))
      throw fault('DH_TICKET_FORM', { why: 'the STA id is not STA and 1 to 13 letters or digits' })
    if (!isTicketHex(hex)) {
      throw fault('DH_TICKET_FORM', { why: 'the secret is not 30 or 32 upper-case hex digits' })
    }
    this.sta = sta
    this.#hex = hex
  }

  /** The secret digits: only for the wire and the store. */
  reveal(): string {
    return this.#hex
  }

  /** `STA01;6C0E…`: enough to find it again in a log, far too little to use it. */
  toString(): string {
    return `${this.sta};${this.#hex.slice(0, 4)}…`
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** A whole ticket string, `;VERSION;STAID;TICKET` (docs/protocols.md, 1). Masked wherever it is printed. */
export class Ticket {
  readonly version: TicketVersion
  readonly primary: StaTicket
  /** the second ticket of a `;42;` */
  readonly redundant?: StaTicket

  constructor(version: TicketVersion, primary: StaTicket, redundant?: StaTicket) {
    this.version = version
    this.primary = primary
    if (redundant !== undefined) this.redundant = redundant
  }

  /** The whole string: only for the wire. */
  reveal(): string {
    const parts = [this.primary, ...(this.redundant ? [this.redundant] : [])]
    return `;${this.version};${parts.map((part) => `${part.sta};${part.reveal()}`).join(';')}`
  }

  /** SHA-256 of the whole string, as hex: how it is remembered without being kept. */
  digest(): string {
    return createHash('sha256').update(this.reveal()).digest('hex')
  }

  toString(): string {
    return [`;${this.version}`, this.primary, ...(this.redundant ? [this.redundant] : [])].join(';')
  }

  toJSON(): string {
    return this.toString()
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString()
  }
}

/** Reads a ticket string. @throws Fault DH_TICKET_FORM */
export function parseTicket(text: string): Ticket {
  const [before, version = '', ...parts] = text.split(';')
  if (before !== '' || text.length > 120) {
    throw fault('DH_TICKET_FORM', { why: 'it does not begin with ;VERSION;' })
  }
  const expected = version === '42' ? 4 : ['10', '20', '22', '40'].includes(version) ? 2 : 0
  if (expected === 0)
    throw fault('DH_TICKET_FORM', { why: `version ${version.slice(0, 4)} is not read here` })
  if (parts.length !== expected) {
    throw fault('DH_TICKET_FORM', {
      why: `${parts.length} fields after version ${version}, not ${expected}`,
    })
  }
  const [sta = '', hex = '', sta2 = '', hex2 = ''] = parts
  const primary = new StaTicket(sta, hex)
  return version === '42'
    ? new Ticket(42, primary, new StaTicket(sta2, hex2))
    : new Ticket(Number(version) as TicketVersion, primary)
}

/** Whether this text claims to be a ticket, good or not: no host name begins so. */
export function looksLikeTicket(text: string): boolean {
  return text.startsWith(';')
}

export function isStaId(text: string): boolean {
  return /^STA[0-9A-Za-z]{1,13}$/.test(text)
}

export function isTicketHex(text: string): boolean {
  return /^(?:[0-9A-F]{30}|[0-9A-F]{32})$/.test(text)
}

/** The ticket that probes ask about: never issued, always unknown, and no failed redemption. */
export function isAllZero(hex: string): boolean {
  return /^0+$/.test(hex)
}
