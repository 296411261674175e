// Opens TLS to a place, with the certificate that lies in this container where there is one, greets as a SOCKS client,
// and tells what came back: "refused" where the connection ended without a byte.
import { existsSync, readFileSync } from 'node:fs'
import { connect } from 'node:tls'

const { host, port } = JSON.parse(process.argv[2])
const own = (name) => (existsSync(`/certs/${name}`) ? readFileSync(`/certs/${name}`) : undefined)
const identity = { cert: own('tls.crt'), key: own('tls.key') }
const socket = connect({ host, port, servername: host, rejectUnauthorized: false, ...identity })
const tell = (what) => {
  console.log(JSON.stringify(what))
  process.exit()
}
socket
  .setTimeout(10_000, () => tell('silence'))
  .on('error', () => {})
  .on('secureConnect', () => socket.write(Uint8Array.of(5, 1, 2)))
  .on('data', (bytes) => tell(`answered ${bytes.toString('hex')}`))
  .on('close', () => tell('refused'))
