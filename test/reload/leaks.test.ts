import { setTimeout as delay } from 'node:timers/promises'
import { Server } from 'node:tls'
import { queryObjects } from 'node:v8'
import { NextHop } from '@doublehop/gateway/next-hop'
import { Grants } from '@doublehop/proxy/grants'
import { StaService } from '@doublehop/sta/service'
import { DirectAgents } from '@doublehop/sta-client/direct'
import { StaDirectory } from '@doublehop/sta-client/directory'
import { TicketIssuer } from '@doublehop/storefront/ticket-issuer'
import t from 'tap'
import { attempt } from '../kit/attempt.ts'
import { HouseToReload } from '../kit/house-to-reload.ts'
import { echoOf, openSession } from '../kit/sessions.ts'
import { until } from '../kit/wait.ts'

const DAEMONS = ['gateway', 'proxy', 'storefront', 'sta', 'vda'] as const
const RELOADS = 100
/** A launch of theirs, and 10 s for what it leaves to be done, is how long the parts before are kept. */
const SHORT = { limits: { launch: '500 ms' } }

/** What reloads make anew. */
const MADE = [NextHop, Grants, TicketIssuer, StaService, DirectAgents, StaDirectory, Server]

t.test('a hundred reloads of every daemon leave nothing behind', async (t) => {
  const house = new HouseToReload(t, [])
  const double = await house.doubleHop({
    gateway: SHORT,
    proxy: SHORT,
    storefront: { limits: { request: '500 ms' } },
  })
  const session = await openSession(double)
  const calm = handles()
  const reload = async (times: number): Promise<void> => {
    for (let time = 0; time < times; time++) {
      for (const kind of DAEMONS) await house.change(kind)
      if (time % 10 === 0) await attempt(double.access, await double.ticket())
      house.log.length = 0
      house.audit.length = 0
    }
  }
  await reload(RELOADS)
  t.equal(await echoOf(session, 'still here'), 'still here')
  t.ok(Math.max(...counts()) >= RELOADS, 'launches may still use the parts before')
  session.destroy()

  // Connections that launches left behind are kept for 10 s, and so are the parts before.
  await until(handles, (count) => count <= calm, 20_000)
  const few = async (): Promise<number> => {
    await delay(500)
    return Math.max(...counts())
  }
  await until(few, (most) => most < RELOADS / 10, 20_000)
})

/** Sockets, servers and timers of this process, as Node counts them. */
function handles(): number {
  return process.getActiveResourcesInfo().length
}

/** How many of each there are, once the garbage is collected. */
function counts(): number[] {
  return MADE.map((what) => queryObjects(what, { format: 'count' }) as number)
}
