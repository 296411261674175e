import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { loadSettings, sectionOf } from '@doublehop/settings/load'
import { GatewayAccess, type GatewayAddress } from '@doublehop/workspace/gateway-access'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import { endpointOf } from './endpoint-of.ts'
import { fileHere } from './file-here.ts'

/** Where a command finds its gateway: flags, a configuration file, or the lab that runs here. */
export interface AccessOptions {
  readonly gateway?: string | undefined
  readonly serverName?: string | undefined
  readonly ca?: string | undefined
  readonly token?: string | undefined
  readonly config?: string | undefined
  readonly state: string
}

export interface Access {
  readonly gateway: GatewayAccess
  /** the storefront behind it. @throws Fault DH_USAGE when no token is known */
  storefront(): StorefrontClient
}

/** @throws Fault DH_NO_LAB, DH_USAGE, DH_CONFIG_… */
export function openAccess(options: AccessOptions): Access {
  const { address, token } =
    options.gateway === undefined ? fromFile(options) : fromFlags(options, options.gateway)
  const gateway = new GatewayAccess(address)
  return {
    gateway,
    storefront: () => new StorefrontClient(gateway, token()),
  }
}

interface Found {
  readonly address: GatewayAddress
  readonly token: () => string
}

function fromFlags({ serverName, ca, token }: AccessOptions, gateway: string): Found {
  return {
    address: { gateway: endpointOf(gateway, '--gateway'), serverName, ca },
    token() {
      if (token === undefined)
        throw fault('DH_USAGE', { why: 'the storefront wants a token: name its file with --token' })
      return readFileSync(token, 'utf8').trim()
    },
  }
}

function fromFile({ config, state }: AccessOptions): Found {
  const named = config ?? fileHere(state)
  const file = named ?? join(state, 'doublehop.yaml')
  if (named === undefined && !existsSync(file)) {
    throw fault('DH_NO_LAB', {
      why: `there is no ${file}; name a gateway with --gateway, or a file with --config`,
    })
  }
  const workspace = sectionOf(loadSettings(file), 'workspace', file)
  return {
    address: workspace,
    token() {
      if (workspace.token === undefined)
        throw fault('DH_CONFIG', {
          file,
          path: 'workspace.token',
          why: 'the storefront wants a token',
        })
      return workspace.token.reveal('workspace.token')
    },
  }
}
