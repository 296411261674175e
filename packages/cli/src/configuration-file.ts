import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { loadSettings } from '@doublehop/settings/load'
import type { Settings } from '@doublehop/settings/schema'
import { fileHere } from './file-here.ts'

/** Where a command finds the configuration: a flag, the folder it is called in, or the lab that runs here. */
export interface ConfigurationOptions {
  readonly config?: string | undefined
  readonly state: string
}

/** @throws Fault DH_NO_LAB */
function configurationFile({ config, state }: ConfigurationOptions): string {
  const named = config ?? fileHere(state)
  if (named !== undefined) return named
  const file = join(state, 'doublehop.yaml')
  if (existsSync(file)) return file
  throw fault('DH_NO_LAB', { why: `there is no ${file}; name a file with --config` })
}

/** @throws Fault DH_NO_LAB, DH_CONFIG… */
export function loadConfiguration(options: ConfigurationOptions): Settings {
  return loadSettings(configurationFile(options))
}
