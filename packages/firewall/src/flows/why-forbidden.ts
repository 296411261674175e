import { ZONES_OF_PEOPLE, type Zone } from '@doublehop/settings/zones'
import type { Destination, Source } from './flow.ts'

/** How far inside a zone is. */
const DEPTH: Readonly<Record<Zone, number>> = {
  internet: 0,
  lan: 0,
  dmz1: 1,
  dmz2: 2,
  internal: 3,
  management: 3,
}

/** What stands between, on the way in. */
const THROUGH: Partial<Record<Zone, string>> = {
  internet: 'gateway',
  lan: 'gateway',
  dmz1: 'proxy',
}

/** How a sentence calls them; a daemon that has another name than its kind is called that. */
const CALLED: Readonly<Record<string, string>> = {
  gateway: 'the gateway',
  proxy: 'the proxy',
  storefront: 'the storefront',
  sta: 'the STA',
  vda: 'the VDA',
  internet: 'the internet',
  lan: 'the LAN',
}

/** One sentence: why nobody may go there. */
export function whyForbidden(
  from: Source,
  { to, listener }: { readonly to: Destination; readonly listener?: string },
): string {
  return capital(reason(from, to, listener))
}

function reason(from: Source, to: Destination, listener: string | undefined): string {
  const [source, target] = [called(from.name), called(to.name)]
  if (listener === 'admin') return `the admin listener of ${target} is for its own host alone.`
  if (listener === 'metrics') return `only management reads the metrics of ${target}.`
  if (from.zone === 'management') return 'management reads metrics and opens nothing else.'
  if (ZONES_OF_PEOPLE.some((zone) => zone === to.zone))
    return `nothing is opened towards ${called(to.zone)}: connections come from there.`
  if (DEPTH[to.zone] <= DEPTH[from.zone])
    return `connections are opened inwards: ${target} dials, and ${source} never does.`
  const between = THROUGH[from.zone]
  if (between === undefined || (between === to.name && DEPTH[to.zone] === 1))
    return `${source} has nothing to do with ${target}.`
  return `${source} must reach ${target} only through the ${between}.`
}

function called(name: string): string {
  return CALLED[name] ?? name
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
