import type { Spliceable } from '@doublehop/daemon/splice'
import type { VdaApp } from '@doublehop/settings/vda'
import { clock } from './apps/clock.ts'
import { echo } from './apps/echo.ts'
import { sink } from './apps/sink.ts'
import { source } from './apps/source.ts'
import { tcp } from './apps/tcp.ts'

/** What a published app does with a session. Rejects with a Fault when it cannot serve it. */
export type App = (session: Spliceable, settings: VdaApp) => Promise<void>

export const APPS: Record<VdaApp['kind'], App> = { echo, source, sink, clock, tcp }
