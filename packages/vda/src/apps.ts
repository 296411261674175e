import type { VdaApp } from '@doublehop/settings/vda'
import type { App } from './app.ts'
import { clock } from './apps/clock.ts'
import { echo } from './apps/echo.ts'
import { sink } from './apps/sink.ts'
import { source } from './apps/source.ts'
import { tcp } from './apps/tcp.ts'

/** What each kind of published app does. */
export const APPS: Record<VdaApp['kind'], App> = { echo, source, sink, clock, tcp }
