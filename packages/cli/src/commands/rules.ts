import { asFault, fault, isFault } from '@doublehop/errors/fault'
import { flowsOf } from '@doublehop/firewall/flows/flows'
import { FIREWALLS, type Firewall } from '@doublehop/firewall/flows/paths'
import { compare } from '@doublehop/firewall/rules/diff/compare'
import { MAX_BYTES } from '@doublehop/firewall/rules/diff/loaded'
import { readLoaded } from '@doublehop/firewall/rules/diff/read-loaded'
import { comparisonText } from '@doublehop/firewall/rules/diff/text'
import type { RuleFormat } from '@doublehop/firewall/rules/format-names'
import { formatAllRules, formatRules } from '@doublehop/firewall/rules/formats'
import { type Family, type Ruleset, rulesetOf } from '@doublehop/firewall/rules/ruleset'
import { readBounded } from '@doublehop/settings/bounded-file'
import { type ConfigurationOptions, loadConfiguration } from '../configuration-file.ts'

export interface RulesOptions extends ConfigurationOptions {
  readonly firewall: '1' | '2' | '3' | 'all'
  readonly format: RuleFormat
  readonly family?: '4' | '6' | undefined
  /** a file with what is loaded; - is standard input */
  readonly diff?: string | undefined
}

const EXIT = { same: 0, different: 1 } as const

/**
 * doublehop rules: what a firewall is to be told, or how what it has loaded differs from it.
 *
 * @returns the exit code: 0, or 1 where what is loaded differs
 * @throws Fault DH_USAGE, DH_FW_FILE, DH_FW_LOADED, and those of flowsOf and loadConfiguration
 */
export function rules(options: RulesOptions): number {
  const flows = flowsOf(loadConfiguration(options))
  const family = options.family === undefined ? undefined : (Number(options.family) as Family)
  const numbers = options.firewall === 'all' ? FIREWALLS : [Number(options.firewall) as Firewall]
  const rulesets = numbers.map((number) => rulesetOf(flows, number))
  const [one, more] = rulesets
  if (options.diff !== undefined) {
    if (one === undefined || more !== undefined)
      throw fault('DH_USAGE', {
        why: 'what is loaded is of one firewall: say --firewall 1, 2 or 3',
      })
    return difference(one, options.diff, family)
  }
  const text =
    one !== undefined && more === undefined
      ? formatRules(one, options.format, family)
      : formatAllRules(rulesets, options.format, family)
  process.stdout.write(text)
  return EXIT.same
}

function difference(ruleset: Ruleset, file: string, family: Family | undefined): number {
  const comparison = compare(ruleset, readLoaded(read(file), family))
  process.stdout.write(comparisonText(comparison, ruleset, file))
  return comparison.differences.length === 0 ? EXIT.same : EXIT.different
}

/** `-` is standard input. @throws Fault DH_FW_LOADED */
function read(file: string): string {
  try {
    const bytes = readBounded(file === '-' ? 0 : file, MAX_BYTES)
    if (bytes === undefined)
      throw fault('DH_FW_LOADED', { why: `${file} is longer than ${MAX_BYTES / 1024 / 1024} MiB` })
    return bytes.toString('utf8')
  } catch (error) {
    if (isFault(error)) throw error
    const { code = asFault(error).message } = error as NodeJS.ErrnoException
    throw fault('DH_FW_LOADED', { why: `${file} cannot be read (${code})` }, error)
  }
}
