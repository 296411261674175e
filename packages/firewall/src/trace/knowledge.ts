import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isFault } from '@doublehop/errors/fault'
import type { Settings } from '@doublehop/settings/schema'
import { formatEndpoint } from '@doublehop/wire/endpoint'
import type { Flow } from '../flows/flow.ts'
import { flowsOf } from '../flows/flows.ts'

export const KINDS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const
export type Kind = (typeof KINDS)[number]

/** What a configuration tells of the daemons whose lines are read. All of it may be missing. */
export interface Knowledge {
  /** those that are needed; empty where the configuration does not tell of zones */
  readonly flows: readonly Flow[]
  /** which daemon it is, by the name on its lines */
  readonly kinds: ReadonlyMap<string, Kind>
  /** the name of the certificate it shows, by the name on its lines */
  readonly certificates: ReadonlyMap<string, string>
  /** published apps, by the `address:port` that their tickets lead to */
  readonly apps: ReadonlyMap<string, string>
}

export const NO_KNOWLEDGE: Knowledge = {
  flows: [],
  kinds: new Map(),
  certificates: new Map(),
  apps: new Map(),
}

/** What a trace can use of a configuration. Files that this host does not have are left out. */
export function knowledgeOf(settings: Settings): Knowledge {
  const kinds = new Map<string, Kind>()
  const certificates = new Map<string, string>()
  for (const kind of KINDS) {
    const section = settings[kind]
    if (section === undefined) continue
    const name = section.name ?? kind
    kinds.set(name, kind)
    const shown = 'identity' in section ? nameIn(section.identity.certificate) : undefined
    if (shown !== undefined) certificates.set(name, shown)
  }
  return { flows: neededFlows(settings), kinds, certificates, apps: appsOf(settings) }
}

function neededFlows(settings: Settings): Flow[] {
  try {
    return flowsOf(settings).filter(({ expect }) => expect === 'allow')
  } catch (error) {
    if (isFault(error)) return []
    throw error
  }
}

/** As daemons name each other: the first DNS name of the certificate. */
function nameIn(file: string): string | undefined {
  try {
    const { subjectAltName = '' } = new X509Certificate(readFileSync(file))
    return /(?:^|, )DNS:([A-Za-z0-9._-]+)(?:,|$)/.exec(subjectAltName)?.[1]?.toLowerCase()
  } catch {
    return undefined
  }
}

function appsOf({ storefront }: Settings): Map<string, string> {
  return new Map(
    (storefront?.apps ?? []).flatMap(({ name, cgpAddress, icaAddress }) =>
      [cgpAddress, icaAddress].flatMap((at) =>
        at === undefined ? [] : [[formatEndpoint(at), name] as const],
      ),
    ),
  )
}
