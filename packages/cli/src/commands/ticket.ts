import { type AccessOptions, enterWorkspace, openAccess } from '../access.ts'

/** doublehop ticket: a ticket on standard output, for another client to launch with. */
export async function ticket(
  options: AccessOptions & { readonly app: string; readonly json: boolean },
): Promise<void> {
  enterWorkspace(options)
  const storefront = openAccess(options).storefront()
  try {
    const issued = await storefront.ticket(options.app)
    const text = issued.ticket.reveal()
    process.stdout.write(
      options.json ? `${JSON.stringify({ ticket: text, expires: issued.expires })}\n` : `${text}\n`,
    )
  } finally {
    storefront.close()
  }
}
