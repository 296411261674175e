import { fault } from '@doublehop/errors/fault'
import { readYaml } from '@doublehop/settings/document'
import { readEnvironment } from '@doublehop/settings/environment'
import { applyOverrides, isGroup } from '@doublehop/settings/overrides'
import { type Endpoint, formatEndpoint, parseEndpoint } from '@doublehop/wire/endpoint'
import { endpointOf } from './endpoint-of.ts'
import { fileHere } from './file-here.ts'
import { prefixInto } from './lab/isolated/enter.ts'
import { LAB_DAEMONS } from './lab/lab-settings.ts'
import { findLab } from './lab/lab-state.ts'

/** Where a command finds the daemons it asks: flags, a configuration file, or the lab that runs here. */
export interface AdminOptions {
  readonly admin?: readonly string[] | undefined
  readonly config?: string | undefined
  readonly state: string
}

/** A daemon, and its admin listener where it has one. */
export interface AdminListener {
  readonly daemon: string
  /** `address:port` */
  readonly at: string | undefined
  /** what stands before a command that is to run on its host; nothing where that is this one */
  readonly inside: readonly string[]
}

/** The daemons to ask, in the order of a launch. @throws Fault DH_USAGE, DH_CONFIG…, DH_NO_LAB */
export function adminListeners({ admin, config, state }: AdminOptions): AdminListener[] {
  if (admin !== undefined) return admin.map(named)
  const file = config ?? fileHere(state)
  if (file !== undefined) return configured(file)
  const lab = findLab(state)
  return LAB_DAEMONS.map((daemon) => ({
    daemon,
    at: lab[daemon].admin,
    inside: prefixInto(daemon, lab.isolation),
  }))
}

function named(text: string): AdminListener {
  const at = formatEndpoint(endpointOf(text, '--admin'))
  return { daemon: at, at, inside: [] }
}

/**
 * Reads no more of the file than it needs: whether all of it is right is for the daemon to say, which goes on with
 * its old configuration while a new one is being written.
 */
function configured(file: string): AdminListener[] {
  const { written, problems } = readYaml(file)
  if (written === undefined) throw fault('DH_CONFIG', { ...problems[0] })
  const { overrides } = readEnvironment(process.env, written.value)
  const sections = applyOverrides(written.value ?? {}, overrides)
  const found = LAB_DAEMONS.flatMap((daemon) => {
    const section = isGroup(sections) ? sections[daemon] : undefined
    return isGroup(section)
      ? [{ daemon, at: listenerOf(section.admin, daemon, file), inside: [] }]
      : []
  })
  if (found.length > 0) return found
  const why = `it has no daemon: expected one of ${LAB_DAEMONS.join(', ')}`
  throw fault('DH_CONFIG', { file, path: 'the file', why })
}

function listenerOf(admin: unknown, daemon: string, file: string): string | undefined {
  if (admin === undefined) return undefined
  const endpoint = typeof admin === 'string' ? parseEndpoint(admin) : undefined
  if (endpoint !== undefined && isAskable(endpoint)) return formatEndpoint(endpoint)
  const why = 'expected the loopback address and the port of its admin listener'
  throw fault('DH_CONFIG', { file, path: `${daemon}.admin`, why })
}

function isAskable({ host, port }: Endpoint): boolean {
  return ['127.0.0.1', '::1'].includes(host) && port > 0
}
