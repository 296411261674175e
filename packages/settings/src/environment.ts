import { type Key, schemaTree, settableKeys } from './keys.ts'
import { nearest } from './nearest.ts'
import { type Override, typedValue } from './overrides.ts'
import type { Problem } from './problem.ts'

/** What a container platform sets by itself for a service that is called as a section is. */
const SERVICE_LINK =
  /_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$/

/** The environment variable that overrides the value at this path: gateway.redeemAt is `DOUBLEHOP_GATEWAY_REDEEM_AT`. */
export function variableName(path: readonly string[]): string {
  return ['DOUBLEHOP', ...path]
    .map((part) => part.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase())
    .join('_')
}

/**
 * What the environment overrides, and its variables that look like an override but name no setting.
 * A variable that holds a secret (`env:NAME` somewhere in the configuration) is that and nothing else.
 */
export function readEnvironment(
  environment: NodeJS.ProcessEnv,
  written: unknown,
): { overrides: Override[]; problems: Problem[] } {
  const overrides: Override[] = []
  const problems: Problem[] = []
  const names = Object.keys(environment).filter((name) => name.startsWith('DOUBLEHOP_'))
  if (names.length === 0) return { overrides, problems }

  const known = new Map(settableKeys().map((key) => [variableName(key.path), key]))
  const secrets = variablesOfSecrets([written, names.map((name) => environment[name])])
  for (const name of names.sort()) {
    const key = known.get(name)
    if (secrets.has(name)) continue
    if (key !== undefined) {
      overrides.push({
        path: key.path,
        value: typedValue(environment[name] ?? '', key.schema),
        from: name,
      })
    } else if (isMeantForUs(name, known)) {
      problems.push({ file: 'the environment', path: name, why: unknownVariable(name, known) })
    }
  }
  return { overrides, problems }
}

type Known = ReadonlyMap<string, Key>

/** Other variables that begin with DOUBLEHOP_ belong to somebody else. */
function isMeantForUs(name: string, known: Known): boolean {
  const sections = Object.keys(schemaTree().properties ?? {}).map(
    (section) => `${variableName([section])}_`,
  )
  const inSection = sections.some((section) => name.startsWith(section)) && !SERVICE_LINK.test(name)
  return inSection || nearest(name, [...known.keys()]) !== undefined
}

function unknownVariable(name: string, known: Known): string {
  const names = [...known.keys()]
  const near = nearest(name, names)
  if (near !== undefined) return `no setting is called so; did you mean ${near}?`
  const list = names.find(
    (one) => name.startsWith(`${one}_`) && known.get(one)?.schema.type === 'array',
  )
  if (list !== undefined) return `a list is set as a whole: ${list}, as JSON`
  const inside = names.find((one) => one.startsWith(`${name}_`))
  if (inside !== undefined) return `it names a group of keys: set each one, such as ${inside}`
  return 'no setting is called so'
}

/** The NAMEs of every `env:NAME` in a value of any shape, rings through YAML aliases included. */
function variablesOfSecrets(whole: unknown): Set<string> {
  const found = new Set<string>()
  const seen = new Set<unknown>()
  const waiting = [whole]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value === 'string' && value.startsWith('env:')) found.add(value.slice('env:'.length))
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    for (const below of Object.values(value)) waiting.push(below)
  }
  return found
}
