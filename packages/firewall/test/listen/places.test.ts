import t from 'tap'
import type { Probe } from '../../src/check/plan.ts'
import { placesOf } from '../../src/listen/places.ts'

const probe = (to: string, zone: Probe['to']['zone'], port: number, expect: 'allow' | 'deny') =>
  ({
    expect,
    to: { name: to, zone, address: '10.3.0.2' },
    protocol: 'tcp',
    port,
  }) as Probe

t.test(
  'what must be reached and what must not is waited at alike, and each place once',
  async (t) => {
    const probes = [
      probe('proxy', 'dmz2', 1080, 'allow'),
      probe('proxy', 'dmz2', 1080, 'deny'),
      probe('proxy', 'dmz2', 9102, 'deny'),
      probe('sta', 'internal', 8080, 'allow'),
    ]
    t.same(placesOf(probes, 'dmz2'), [
      { protocol: 'tcp', address: '10.3.0.2', port: 1080, name: 'proxy' },
      { protocol: 'tcp', address: '10.3.0.2', port: 9102, name: 'proxy' },
    ])
  },
)
