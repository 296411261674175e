import { fault } from '@doublehop/errors/fault'
import type { StaSettings } from '@doublehop/settings/values'
import { isStaId } from '@doublehop/wire/ticket'

/** One Secure Ticket Authority as configured: its urls, and its id once it is known. */
export interface KnownSta {
  readonly id: string | undefined
  readonly urls: readonly URL[]
}

/** Asks an STA for its id with a GET; undefined when it does not tell. Rejects when it cannot be reached. */
export type Identify = (url: URL) => Promise<string | undefined>

/**
 * Chooses the STA by the id in the ticket. Ids are configured, or learnt from the STAs themselves and asked for again
 * whenever `refresh` is called.
 */
export class StaDirectory {
  readonly #stas: {
    configured: string | undefined
    learnt: string | undefined
    urls: readonly URL[]
  }[]
  readonly #identify: Identify
  #asking: Promise<void> | undefined

  constructor(stas: readonly StaSettings[], identify: Identify) {
    this.#stas = stas.map(({ id, urls }) => ({
      configured: id,
      learnt: undefined,
      urls: urls.map((url) => new URL(url)),
    }))
    this.#identify = identify
  }

  /** Every STA, with the ids known so far. */
  get all(): KnownSta[] {
    return this.#stas.map(({ configured, learnt, urls }) => ({ id: configured ?? learnt, urls }))
  }

  /**
   * The STA that claims this id.
   *
   * @throws Fault DH_STA_ID_AMBIGUOUS, DH_STA_ID_UNKNOWN, or DH_STA_UNREACHABLE when one that has not told its id
   *   yet could be the one
   */
  async choose(id: string): Promise<KnownSta> {
    const claimants = this.#claimants(id)
    if (claimants.length === 0 && this.#stas.some(isAnonymous)) await this.refresh()
    const [sta, other] = claimants.length > 0 ? claimants : this.#claimants(id)
    if (sta === undefined) {
      const silent = this.#stas.find(isAnonymous)
      if (silent === undefined) throw fault('DH_STA_ID_UNKNOWN', { sta: id })
      throw fault('DH_STA_UNREACHABLE', {
        sta: id,
        why: `${silent.urls[0]?.host} has not told its id`,
      })
    }
    if (other !== undefined) {
      const urls = [sta, other].map((one) => one.urls[0]?.href).join(', ')
      throw fault('DH_STA_ID_AMBIGUOUS', { sta: id, urls })
    }
    return sta
  }

  /** Asks every STA for its id, all at once; one that cannot be reached keeps the id it had. Never rejects. */
  refresh(): Promise<void> {
    this.#asking ??= Promise.all(
      this.#stas.map(async (sta) => {
        for (const url of sta.urls) {
          try {
            const id = await this.#identify(url)
            if (id !== undefined && isStaId(id)) sta.learnt = id
            return
          } catch {
            // The next url of this STA may answer; whether any does is for /readyz and the launch to say.
          }
        }
      }),
    ).then(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  #claimants(id: string): KnownSta[] {
    return this.all.filter((sta) => sta.id === id)
  }
}

function isAnonymous({
  configured,
  learnt,
}: {
  configured: string | undefined
  learnt: string | undefined
}): boolean {
  return configured === undefined && learnt === undefined
}
