import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { promisify } from 'node:util'
import { unmapped } from '@doublehop/wire/ip'

/** What a full packet of a connection is made of, in bytes. */
export interface SegmentSize {
  /** of TCP, in one packet */
  readonly payload: number
  /** IP and TCP, with the options that every packet of it carries */
  readonly header: number
}

const IP_HEADER = { 4: 20, 6: 40 } as const
const TCP_HEADER = 20
/** RFC 7323, 3.2, padded to words of 32 bits as Linux does. */
const TIMESTAMPS = 12
/** Where nothing tells how large packets may be. */
const ETHERNET_MTU = 1500

/** Asks the kernel by `ss`, which needs no right; without it, what the interface and the settings of the kernel imply. */
export async function segmentSizeOf(socket: Socket): Promise<SegmentSize> {
  const family = (socket.remoteAddress ?? '').includes(':') ? 6 : 4
  const told = readSs(await askSs(socket), family)
  return told ?? (await implied(socket, family))
}

/** Reads a connection from what `ss -tino` prints. */
export function readSs(text: string, family: 4 | 6): SegmentSize | undefined {
  const payload = Number(/\bmss:(\d{1,6})\b/.exec(text)?.[1])
  if (!(payload > 0)) return undefined
  const timestamps = /(^|\s)ts(\s|$)/.test(text) ? TIMESTAMPS : 0
  return { payload, header: IP_HEADER[family] + TCP_HEADER + timestamps }
}

async function askSs({ localPort, remotePort }: Socket): Promise<string> {
  const filter = [`sport = :${localPort}`, 'and', `dport = :${remotePort}`]
  const path = `${process.env.PATH ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`
  const options = { timeout: 2000, env: { PATH: path, LC_ALL: 'C' } }
  const args = ['-tinoH', 'state', 'established', ...filter]
  const { stdout } = await promisify(execFile)('ss', args, options).catch(() => ({ stdout: '' }))
  return stdout
}

async function implied(socket: Socket, family: 4 | 6): Promise<SegmentSize> {
  const timestamps = await numberIn('/proc/sys/net/ipv4/tcp_timestamps')
  const header = IP_HEADER[family] + TCP_HEADER + (timestamps === 0 ? 0 : TIMESTAMPS)
  const name = interfaceOf(unmapped(socket.localAddress ?? ''))
  const mtu = await numberIn(`/proc/sys/net/ipv6/conf/${name}/mtu`)
  return { header, payload: (mtu ?? ETHERNET_MTU) - header }
}

function interfaceOf(address: string): string | undefined {
  const all = Object.entries(networkInterfaces())
  return all.find(([, own]) => own?.some((one) => one.address === address))?.[0]
}

async function numberIn(path: string): Promise<number | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : Number(text)
}
