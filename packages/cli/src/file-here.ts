import { existsSync } from 'node:fs'
import { STATE_FOLDER } from './lab/lab-state.ts'

const FILE = 'doublehop.yaml'

/**
 * The configuration file that a command reads when no flag names one: that of the folder it is called in, as the
 * daemons do. Undefined where there is none, or where the lab of another folder was asked for.
 */
export function fileHere(state: string): string | undefined {
  return state === STATE_FOLDER && existsSync(FILE) ? FILE : undefined
}
