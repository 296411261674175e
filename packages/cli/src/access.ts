import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fault } from '@doublehop/errors/fault'
import { loadSettings, sectionOf } from '@doublehop/settings/load'
import { GatewayAccess, type GatewayAddress } from '@doublehop/workspace/gateway-access'
import { StorefrontClient } from '@doublehop/workspace/storefront-client'
import { endpointOf } from './endpoint-of.ts'
import { fileHere } from './file-here.ts'
import { enterNamespace, isolationOf, prefixInto } from './lab/isolated/enter.ts'

/** Where a command finds its gateway: flags, a configuration file, or the lab that runs here. */
export interface AccessOptions {
  readonly gateway?: string | undefined
  readonly serverName?: string | undefined
  readonly ca?: string | undefined
  readonly token?: string | undefined
  readonly config?: string | undefined
  readonly state: string
  /** the zone of an isolated lab to start from; internet if left out */
  readonly from?: 'internet' | 'lan' | undefined
}

export interface Access {
  readonly gateway: GatewayAccess
  /** the storefront behind it. @throws Fault DH_USAGE when no token is known */
  storefront(): StorefrontClient
}

/**
 * Where the gateway is that of an isolated lab: goes to a host of that lab, from which it is reached. This command
 * begins again there, so this comes first of all.
 *
 * @throws Fault DH_NO_LAB, DH_LAB_ISOLATION, DH_LAB_NOT_ISOLATED
 */
export function enterWorkspace(options: AccessOptions): void {
  const place = workspaceOf(options)
  if (place !== undefined) enterNamespace(place, options.state)
}

/** What stands before a command that is to run at that host; nothing where that is this one. */
export function prefixOfWorkspace(options: AccessOptions): readonly string[] {
  const place = workspaceOf(options)
  return place === undefined ? [] : prefixInto(place, isolationOf(options.state))
}

/** The host of an isolated lab to start from, unless another gateway was named. */
function workspaceOf(options: AccessOptions): 'internet' | 'lan' | undefined {
  const { gateway, config, state, from } = options
  const isolated = isolationOf(state) !== undefined
  if (from === 'lan' && !isolated) throw fault('DH_LAB_NOT_ISOLATED', { folder: state })
  if (from === 'lan') return from
  const isNamed = gateway !== undefined || (config ?? fileHere(state)) !== undefined
  return isolated && !isNamed ? 'internet' : undefined
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
