import { Option } from '@commander-js/extra-typings'
import { STATE_FOLDER } from './lab/lab-state.ts'

/** Where the lab is found. */
export function stateOption() {
  return new Option('--state <dir>', 'where the lab keeps its state').default(STATE_FOLDER)
}
