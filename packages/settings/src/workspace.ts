import { z } from 'zod'
import { dialEndpoint } from './endpoints.ts'
import { secret } from './secret.ts'
import { path, serverName } from './values.ts'

export const workspaceSection = (folder: string) =>
  z.strictObject({
    gateway: dialEndpoint.describe('where the gateway listens'),
    serverName,
    ca: path(folder)
      .optional()
      .describe('PEM file with the CA of the gateway; left out, the public ones are trusted'),
    token: secret(folder).optional().describe('the bearer token for the storefront'),
  })
