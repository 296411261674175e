import { adviceOn } from '@doublehop/settings/advice'
import { readSettings } from '@doublehop/settings/load'
import { jsonSchema } from '@doublehop/settings/schema'

/** What stands in every file, said or not, and is no section of a daemon. */
const AROUND: readonly string[] = ['zones', 'network']

/** doublehop config check FILE: everything that is wrong with it, and what may be meant otherwise. @returns the exit code */
export function configCheck(file: string): number {
  const { settings, problems } = readSettings(file)
  if (problems !== undefined) {
    for (const { file: where, path, why } of problems)
      process.stderr.write(`${where}: ${path}: ${why}\n`)
    return 78
  }
  for (const { path, why } of settings === undefined ? [] : adviceOn(settings))
    process.stdout.write(`warning: ${path} ${why}\n`)
  const sections = Object.keys(settings ?? {}).filter((name) => !AROUND.includes(name))
  process.stdout.write(`${file} is right: ${sections.join(', ') || 'it has no section'}\n`)
  return 0
}

/** doublehop config schema */
export function configSchema(): void {
  process.stdout.write(`${JSON.stringify(jsonSchema(), undefined, 2)}\n`)
}
