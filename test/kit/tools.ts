/** The programs from elsewhere that tests run as peers and judges, and what to do without them. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** The Debian package a tool is in, where it is not named like the tool. */
const DEBIAN_PACKAGES: Record<string, string> = {
  danted: 'dante-server',
  ip: 'iproute2',
  'ip6tables-restore': 'iptables',
  'iptables-restore': 'iptables',
  nft: 'nftables',
  'redis-cli': 'redis-tools',
  scp: 'openssh-client',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
  'systemd-analyze': 'systemd',
  'systemd-socket-activate': 'systemd',
  testssl: 'testssl.sh',
  unshare: 'util-linux',
}

/** Daemons live where the path of an ordinary user does not lead. */
const MORE_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/**
 * For a test's `skip` option: why it cannot run, or false where every tool is there.
 *
 * @param tools names of programs, such as `openssl`
 * @throws Error instead, so that the test fails, with DOUBLEHOP_REQUIRE=all
 */
export function missing(...tools: string[]): string | false {
  const absent = tools.filter((tool) => find(tool) === undefined)
  if (absent.length === 0) return false
  const reason = absent.map(complaint).join(', ')
  if (process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/**
 * The absolute path of a tool, to start it by.
 *
 * @throws Error where it is not installed
 */
export function toolPath(tool: string): string {
  const path = find(tool)
  if (path === undefined) throw new Error(complaint(tool))
  return path
}

function complaint(tool: string): string {
  return `${tool} is not installed (Debian: ${DEBIAN_PACKAGES[tool] ?? tool})`
}

function find(tool: string): string | undefined {
  const path = process.env.PATH?.split(delimiter).filter((folder) => folder !== '') ?? []
  return [...path, ...MORE_FOLDERS].map((folder) => join(folder, tool)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
