import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { parseEndpoint } from '@doublehop/wire/endpoint'
import { z } from 'zod'
import type { LabAddresses, LabDaemon, LabFolders } from './lab-settings.ts'

const daemon = { host: z.string(), port: z.number(), admin: z.string(), pid: z.number() }

/** The processes that hold the namespaces of an isolated lab, by place. */
const isolation = z.object({
  family: z.literal([4, 6]),
  holders: z.record(z.string(), z.object({ pid: z.int().min(1), started: z.string() })),
})
export type Isolation = z.output<typeof isolation>

/** The lab that is running: what `doublehop up --json` prints and `.doublehop/lab.json` keeps for the other commands. */
const LabStateSchema = z.object({
  ready: z.literal(true),
  gateway: z.object(daemon),
  proxy: z.object(daemon),
  storefront: z.object(daemon),
  sta: z.object({ ...daemon, url: z.string() }),
  vda: z.object({ ...daemon, apps: z.record(z.string(), z.record(z.string(), z.number())) }),
  ca: z.string(),
  token: z.string(),
  config: z.string(),
  pid: z.number(),
  isolation: isolation.optional(),
})

export type LabState = z.output<typeof LabStateSchema>

/** Where a lab keeps its state, unless told otherwise. */
export const STATE_FOLDER = '.doublehop'

/** Writes down where the lab is. */
export function rememberLab(
  folders: LabFolders,
  at: LabAddresses,
  pid: (name: LabDaemon) => number,
  isolation?: Isolation,
): LabState {
  const place = (name: LabDaemon, listener = 'listen') => ({
    ...(parseEndpoint(at[name][listener] ?? '') ?? { host: '', port: 0 }),
    admin: at[name].admin ?? '',
    pid: pid(name),
  })
  const state: LabState = {
    ready: true,
    gateway: place('gateway'),
    proxy: place('proxy'),
    storefront: place('storefront'),
    sta: { url: `https://${at.sta.listen}`, ...place('sta') },
    vda: { ...place('vda', 'echo.cgp'), apps: appPorts(at.vda) },
    ca: resolve(folders.certs, 'workspace', 'ca.crt'),
    token: resolve(folders.certs, 'workspace', 'token'),
    config: resolve(folders.state, 'doublehop.yaml'),
    pid: process.pid,
    ...(isolation !== undefined && { isolation }),
  }
  const file = join(folders.state, 'lab.json')
  // Whole or not at all: another command may read it while a daemon comes back.
  writeFileSync(`${file}.new`, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(`${file}.new`, file)
  return state
}

export function forgetLab(folder: string): void {
  rmSync(join(folder, 'lab.json'), { force: true })
}

/** The lab whose state lies in this folder. @throws Fault DH_NO_LAB */
export function findLab(folder: string): LabState {
  const file = join(folder, 'lab.json')
  try {
    return LabStateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw fault(
      'DH_NO_LAB',
      { why: missing ? `there is no ${file}` : `${file} cannot be read` },
      error,
    )
  }
}

/** The process of the lab that runs in this folder, if one does. */
export function runningLab(folder: string): number | undefined {
  try {
    const { pid } = findLab(folder)
    process.kill(pid, 0)
    return pid
  } catch {
    return undefined // no lab, or one that is dead and could not say so
  }
}

/** `{"echo":{"cgp":2598,"ica":1494}, …}` from `echo.cgp`, `echo.ica`, … */
function appPorts(listeners: Record<string, string>): Record<string, Record<string, number>> {
  const apps: Record<string, Record<string, number>> = {}
  for (const [key, at] of Object.entries(listeners)) {
    const [, app, kind] = /^(.+)\.(cgp|ica)$/.exec(key) ?? []
    if (app !== undefined && kind !== undefined)
      apps[app] = { ...apps[app], [kind]: parseEndpoint(at)?.port ?? 0 }
  }
  return apps
}
