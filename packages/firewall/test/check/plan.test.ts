import t from 'tap'
import { plan } from '../../src/check/plan.ts'

const told = (at: string) => ({
  ...({ doublehop: 'plan', version: 1, zone: 'dmz2', probes: [], paths: [] } as const),
  admins: [{ daemon: 'proxy', at, arrivals: [] }],
})

t.test('a plan asks for sessions on loopback and nowhere else', async (t) => {
  for (const at of ['127.0.0.1:9102', '[::1]:9102']) t.ok(plan.safeParse(told(at)).success, at)
  for (const at of ['10.4.0.2:8080', '127.0.0.1.example:80', 'localhost:80', '127.0.0.1:80/x?'])
    t.notOk(plan.safeParse(told(at)).success, at)
})
