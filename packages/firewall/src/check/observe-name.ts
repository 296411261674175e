import { lookUp } from '@doublehop/daemon/dial'
import { formatIp, parseIp } from '@doublehop/wire/ip'
import { printable } from './languages/shown.ts'
import { layer } from './observe-trail.ts'
import type { Layer } from './result.ts'

/** Whether a name leads to the address that rules are made of, as this host's resolver sees it. */
export async function resolveName(
  host: string,
  address: string,
  milliseconds: number,
): Promise<Layer> {
  const began = performance.now()
  const { promise: late, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(resolve, milliseconds, undefined)
  try {
    const found = await Promise.race([lookUp(host), late])
    if (found === undefined) {
      const seconds = Math.round(milliseconds / 100) / 10
      return layer('name', 'fail', `no answer about ${printable(host)} within ${seconds} s`, began)
    }
    const addresses = found.map((one) => canonical(one.address))
    if (addresses.includes(canonical(address))) return layer('name', 'pass', undefined, began)
    const got = addresses.slice(0, 5).join(', ') || 'no address'
    return layer('name', 'fail', `${printable(host)} leads to ${got}, not to ${address}`, began)
  } catch (error) {
    const { code = 'no answer' } = error as NodeJS.ErrnoException
    const why = code === 'ENOTFOUND' ? 'is not known to the resolver' : `is not resolved: ${code}`
    return layer('name', 'fail', `${printable(host)} ${why}`, began)
  } finally {
    clearTimeout(timer)
  }
}

function canonical(address: string): string {
  const bytes = parseIp(address)
  return bytes === undefined ? address : formatIp(bytes)
}
