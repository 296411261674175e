import { run } from '@doublehop/daemon/lifecycle'
import { parseOverride } from '@doublehop/settings/overrides'

/** doublehop gateway|proxy|sta|vda|storefront: the daemon itself, in this process. @returns its exit code */
export async function runDaemon(
  name: 'gateway' | 'proxy' | 'sta' | 'vda' | 'storefront',
  file: string,
  set: readonly string[],
): Promise<number> {
  const overrides = set.map(parseOverride)
  switch (name) {
    case 'gateway':
      return run(name, (await import('@doublehop/gateway/gateway')).startGateway, file, overrides)
    case 'proxy':
      return run(name, (await import('@doublehop/proxy/proxy')).startProxy, file, overrides)
    case 'sta':
      return run(name, (await import('@doublehop/sta/sta')).startSta, file, overrides)
    case 'vda':
      return run(name, (await import('@doublehop/vda/vda')).startVda, file, overrides)
    case 'storefront':
      return run(
        name,
        (await import('@doublehop/storefront/storefront')).startStorefront,
        file,
        overrides,
      )
  }
}
