import { fault } from '@doublehop/errors/fault'
import { type Endpoint, parseEndpoint } from '@doublehop/wire/endpoint'

/** Reads an address from the command line. @throws Fault DH_USAGE */
export function endpointOf(text: string, flag: string): Endpoint {
  const endpoint = parseEndpoint(text)
  if (endpoint === undefined)
    throw fault('DH_USAGE', { why: `${flag} wants address:port, not ${text}` })
  return endpoint
}
