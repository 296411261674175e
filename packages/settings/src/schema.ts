import { z } from 'zod'
import { gatewaySection } from './gateway.ts'
import { network as networkSection } from './network.ts'
import { proxySection } from './proxy.ts'
import { staSection } from './sta.ts'
import { storefrontSection } from './storefront.ts'
import { network } from './values.ts'
import { vdaSection } from './vda.ts'
import { workspaceSection } from './workspace.ts'

/** The zones of the picture and their networks; firewall rules and metric scrapes are judged by them. */
const zones = z
  .strictObject({
    internet: z
      .array(network)
      .optional()
      .describe(
        'everything outside firewall 1; where no list is given, whatever is in no other zone',
      ),
    lan: z.array(network).optional().describe('users inside'),
    dmz1: z.array(network).optional().describe('gateways'),
    dmz2: z.array(network).optional().describe('proxies and storefronts'),
    internal: z.array(network).optional().describe('STAs and servers'),
    management: z
      .array(network)
      .optional()
      .describe('who reads metrics; it has a leg at each firewall'),
  })
  .prefault({})

/**
 * All of `doublehop.yaml`. A file may hold any subset, so that a host holds no more than its own daemon needs.
 *
 * @param folder where the file lies: relative paths start there
 */
export const settingsSchema = (folder: string) =>
  z.strictObject({
    zones: zones.describe('the zones and their networks'),
    network: networkSection.describe('what firewall rules and checks need to know, and no daemon'),
    gateway: gatewaySection(folder).optional().describe('DMZ 1: where the workspace arrives'),
    proxy: proxySection(folder).optional().describe('DMZ 2: the second hop'),
    storefront: storefrontSection(folder)
      .optional()
      .describe('DMZ 2: publishes and launches, behind the gateway'),
    sta: staSection(folder).optional().describe('internal: issues and redeems tickets'),
    vda: vdaSection(folder)
      .optional()
      .describe('internal: a mock of the server that runs the applications'),
    workspace: workspaceSection(folder).optional().describe('the client'),
  })

/** The whole file, with what no section can judge alone. */
export const checkedSettings = (folder: string) =>
  settingsSchema(folder).superRefine(
    ({ zones: { management = [] }, network: _, ...sections }, context) => {
      for (const [name, section] of Object.entries(sections)) {
        const scraped =
          section !== undefined && 'metrics' in section && section.metrics !== undefined
        if (!scraped || management.length > 0) continue
        const message = 'nobody could read it: expected networks in zones.management'
        context.addIssue({ code: 'custom', path: [name, 'metrics', 'listen'], message })
      }
    },
  )

export type Settings = z.output<ReturnType<typeof settingsSchema>>
export type Zones = Settings['zones']
/** The sections that a daemon or the client has. */
export type Section = Exclude<keyof Settings, 'zones' | 'network'>

/** The JSON Schema of the file, for editors. */
export function jsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(settingsSchema('/'), { io: 'input', unrepresentable: 'any' })
}
