import type { Settings } from './schema.ts'
import type { StaSettings } from './values.ts'

/** What a file may say, and yet is worth a warning. */
export interface Advice {
  /** of which section, such as `gateway.stas` */
  readonly path: string
  readonly why: string
}

/** What only the whole file shows: lists of STAs that differ make launches fail with no error in any one section. */
export function adviceOn(settings: Settings): Advice[] {
  const lists = (['storefront', 'gateway', 'proxy'] as const).flatMap((section) => {
    const stas = settings[section]?.stas
    return stas === undefined ? [] : [{ section, stas: stas.map(asText).sort().join(' ') }]
  })
  const [first, ...others] = lists
  return others
    .filter(({ stas }) => stas !== first?.stas)
    .map(({ section }) => ({
      path: `${section}.stas`,
      why: `differs from ${first?.section}.stas: a ticket of an STA that is not on both lists cannot be launched`,
    }))
}

function asText({ id, urls }: StaSettings): string {
  return [id ?? '', ...urls.map((url) => new URL(url).href).sort()].join(',')
}
