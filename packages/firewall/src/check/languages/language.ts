import type { Conversation } from '@doublehop/wire/conversation'
import type { Endpoint } from '@doublehop/wire/endpoint'
import type { Layer, Observed } from '../result.ts'

/** What the one that answered has shown of itself. */
export interface Answer {
  /** it speaks what is expected there */
  readonly fits: boolean
  /** what it said; left out, its first bytes are shown */
  readonly note?: string
  /** left out: `open` for one that fits, else `wrong-service` */
  readonly observed?: Observed
}

/** What a conversation may need to know. */
export interface About {
  /** our end of the connection, and the other */
  readonly from: Endpoint
  readonly to: Endpoint
  /** how the destination is called in a request */
  readonly host: string
  /** 32 hex digits that nobody else knows */
  readonly nonce: string
}

/** A language over a stream: which layer it is, and a conversation that tells one who speaks it from all others. */
export interface Language {
  readonly layer: Layer['layer']
  readonly ask: (about: About) => Conversation<Answer>
}
