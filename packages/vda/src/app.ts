import type { Spliceable } from '@doublehop/daemon/splice'
import type { VdaApp } from '@doublehop/settings/vda'

/** What a published app does with a session. Rejects with a Fault when it cannot serve it. */
export type App = (session: Spliceable, settings: VdaApp) => Promise<void>
