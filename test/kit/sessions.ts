import type { Leg } from '@doublehop/daemon/leg'
import { bytesOf } from '@doublehop/wire/text'
import { launch } from '@doublehop/workspace/launch'
import type { DoubleHop } from './house.ts'
import { read } from './session.ts'

/** A session of an echo, by SOCKS. */
export async function openSession({ access, ticket }: DoubleHop): Promise<Leg> {
  const { leg } = await launch(access, { ticket: await ticket(), port: 2598, protocol: 'socks' })
  return leg
}

/** What comes back of this through an echo: the session goes on. */
export async function echoOf(leg: Leg, text: string): Promise<string> {
  const bytes = bytesOf(text)
  leg.write(bytes)
  return (await read(leg, bytes.length)).toString()
}
