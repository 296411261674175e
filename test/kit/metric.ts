import type { Endpoint } from '@doublehop/wire/endpoint'
import { askAdmin } from './ask-admin.ts'

/** A metric of a daemon, as its admin listener tells it; undefined when it is not there. @param labels as they are written: `{certificate="tls"}` */
export async function metricOf(
  admin: Endpoint | string | undefined,
  name: string,
  labels = '',
): Promise<number | undefined> {
  const text = await (await askAdmin(admin, '/metrics')).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name}${labels} `))
  return line === undefined ? undefined : Number(line.slice(`${name}${labels} `.length))
}
