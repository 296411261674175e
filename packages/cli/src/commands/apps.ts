import { type AccessOptions, enterWorkspace, openAccess } from '../access.ts'
import { table } from '../table.ts'

/** doublehop apps: what is published. */
export async function apps(options: AccessOptions & { readonly json: boolean }): Promise<void> {
  enterWorkspace(options)
  const storefront = openAccess(options).storefront()
  try {
    const published = await storefront.apps()
    if (options.json) return void process.stdout.write(`${JSON.stringify({ apps: published })}\n`)
    const rows = published.map(({ name, ports, description = '' }) => [
      name,
      ports.join(', '),
      description,
    ])
    process.stdout.write(table(['APP', 'PORTS', ''], rows))
  } finally {
    storefront.close()
  }
}
