import type { Container } from '../kit/compose-project.ts'

/** Who listens where for others. */
const LISTENERS = {
  gateway: [8443],
  proxy: [1080],
  storefront: [8444],
  sta: [8080],
  vda: [2598, 1494],
} as const
/** For whoever runs the daemon alone. */
const ADMIN = 9100

export const DAEMONS = Object.keys(LISTENERS) as (keyof typeof LISTENERS)[]
export const EVERYBODY = ['workspace', ...DAEMONS] as const

/** Who stands beside whom: each pair has a network of its own. */
const NEIGHBOURS: readonly string[] = [
  'workspace gateway',
  'gateway proxy',
  'gateway storefront',
  'storefront sta',
  'proxy sta',
  'proxy vda',
]

/** One attempt to connect, and whether it has to succeed. */
export interface Attempt {
  readonly to: string
  readonly host: string
  readonly port: number
  readonly open: boolean
}

/** Every listener of everybody else, by name and by each of its addresses. */
export function attempts(from: string, all: Readonly<Record<string, Container>>): Attempt[] {
  return DAEMONS.filter((to) => to !== from).flatMap((to) => {
    const together = NEIGHBOURS.some((pair) => pair === `${from} ${to}` || pair === `${to} ${from}`)
    const places = [{ host: to, near: together }, ...addresses(to, from, all)]
    return places.flatMap(({ host, near }) =>
      [...LISTENERS[to], ADMIN].map((port) => ({ to, host, port, open: near && port !== ADMIN })),
    )
  })
}

/** Of its addresses one may stand on a network that both are on. */
function addresses(to: string, from: string, all: Readonly<Record<string, Container>>) {
  const networks = all[to]?.NetworkSettings.Networks ?? {}
  return Object.entries(networks).map(([name, { IPAddress }]) => ({
    host: IPAddress,
    near: name in (all[from]?.NetworkSettings.Networks ?? {}),
  }))
}
