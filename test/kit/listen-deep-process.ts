/** A deep check in a process of its own, as it runs on a host of a zone: told on standard input, answered on output. */
import { json } from 'node:stream/consumers'
import type { Probe } from '@doublehop/firewall/check/plan'
import { type DeepOptions, deepCheck } from '@doublehop/firewall/deep/deep'

const { probe, options } = (await json(process.stdin)) as { probe: Probe; options: DeepOptions }
process.stdout.write(JSON.stringify(await deepCheck(probe, options)))
