// Tries to connect to every place it is given, by name or address, and tells what came of each.
import { lookup } from 'node:dns/promises'
import { connect } from 'node:net'

const PATIENCE_MILLISECONDS = 3000

const places = JSON.parse(process.argv[2])
const addresses = new Map()
for (const host of new Set(places.map((place) => place.host))) {
  addresses.set(
    host,
    lookup(host).catch((error) => error.code),
  )
}

async function attempt({ host, port }) {
  const found = await addresses.get(host)
  if (typeof found === 'string') return 'no such name'
  return await new Promise((resolve) => {
    const socket = connect({ host: found.address, port, timeout: PATIENCE_MILLISECONDS })
    const end = (what) => resolve(what) || socket.destroy()
    socket
      .on('connect', () => end('connected'))
      .on('timeout', () => end('dropped'))
      .on('error', ({ code }) => end(code))
  })
}

console.log(JSON.stringify(await Promise.all(places.map(attempt))))
process.exit()
