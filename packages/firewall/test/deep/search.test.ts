import t from 'tap'
import { idleTimes, judgeIdle } from '../../src/deep/idle.ts'
import { readSs } from '../../src/deep/segment-size.ts'
import { largest } from '../../src/deep/segments.ts'

t.test('idle times lie so close that a limit between two is known to 10 %', async (t) => {
  for (const longest of [1, 5, 20, 120, 3600, 7200]) {
    const times = idleTimes(longest)
    t.equal(times.at(-1), longest)
    t.ok(times.length < 120, `${times.length} connections up to ${longest} s`)
    times.slice(1).forEach((time, at) => {
      const before = times[at] ?? 0
      t.ok(time > before && time / before < 1.12, `${before} and ${time}`)
    })
  }
})

t.test('the limit lies between the longest life and the first death beyond it', async (t) => {
  const lives = [2, 18.5, 20, 21.6, 23.3].map((seconds) => ({ seconds, lived: seconds < 20.5 }))
  t.match(judgeIdle(lives), { lived: 20, died: 21.6, strays: 0 })
  t.match(judgeIdle(lives.slice(0, 3)), { lived: 20, died: undefined })
  t.match(judgeIdle([{ seconds: 3, lived: false }, ...lives]), { died: 21.6, strays: 1, tried: 6 })
})

t.test('the largest packet is found to the byte, with few tries', async (t) => {
  for (const limit of [575, 576, 1279, 1400, 1401, 8999, 9000]) {
    let tries = 0
    const found = await largest(9000, async (size) => {
      tries += 1
      return size <= limit
    })
    t.equal(found, limit < 576 ? 0 : limit)
    t.ok(tries < 60, `${limit}: ${tries} tries`)
  }
})

t.test('a size that was lost by chance is no hole', async (t) => {
  const lostOnce = new Set([1280, 1500])
  t.equal(await largest(1500, async (size) => !lostOnce.delete(size)), 1500)
})

t.test('what a full packet is made of is read from ss', async (t) => {
  const line =
    '0 0 10.2.0.2:40000 10.3.0.2:1080\n\t cubic wscale:7,7 rto:201 mss:1448 pmtu:1500 rcvmss:536 advmss:1448'
  t.same(readSs(`${line.replace('\t', '\t ts sack')} cwnd:10`, 4), { payload: 1448, header: 52 })
  t.same(readSs(line.replace('mss:1448', 'mss:1460'), 4), { payload: 1460, header: 40 })
  t.same(readSs(line.replace('\t', '\t ts'), 6), { payload: 1448, header: 72 })
  t.equal(readSs('', 4), undefined)
})
