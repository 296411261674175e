import { openListeners } from '@doublehop/firewall/listen/listen'
import type { Place } from '@doublehop/firewall/listen/places'

/** Answers at places of this host as `doublehop listen` does, until the lab is gone. */
process.once('disconnect', () => process.exit())
await openListeners(JSON.parse(process.argv[2] ?? '[]') as Place[])
process.send?.('listening')
