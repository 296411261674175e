#!/usr/bin/env node
// Starts the doublehop command. Plain JavaScript, so that an older Node than the one it needs can
// still read it: it then hands over to the Node that came with the packages.
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_NEEDED = 26
const EX_CONFIG = 78
const SOCKETS_TOO = 'sockets too'

const here = fileURLToPath(import.meta.url)
const modules = join(dirname(dirname(dirname(dirname(here)))), 'node_modules')

// Marks a process that was handed over to, so that a wrong Node there cannot hand over for ever.
const handedOver = process.env.DOUBLEHOP_HANDED_OVER !== undefined
// Sockets of the service manager are for one process: now for this one.
if (process.env.DOUBLEHOP_HANDED_OVER === SOCKETS_TOO) process.env.LISTEN_PID = String(process.pid)
delete process.env.DOUBLEHOP_HANDED_OVER

if (Number.parseInt(process.versions.node, 10) >= NODE_NEEDED) {
  if (process.pid === 1) endOnSignals()
  // Compiled and type-stripped sources are kept here, not in the temporary folder all users share.
  module.enableCompileCache(join(modules, '.cache', 'doublehop'))
  const { main } = await import('../src/main.ts')
  process.exitCode = await main(process.argv)
} else {
  await handOver(join(modules, '.bin', 'node'))
}

/**
 * In a container this is process 1, which the kernel lets ignore every signal that nobody listens to: a daemon that is
 * still starting, and a command that does not listen at all, then end as any other process would.
 */
function endOnSignals() {
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal])
    })
  }
}

async function handOver(node) {
  if (handedOver || !existsSync(node)) {
    console.error(
      `doublehop: needs Node ${NODE_NEEDED} or newer and this is ${process.version}: ` +
        'run npm ci in the repository, which brings one along, or install it',
    )
    process.exitCode = EX_CONFIG
    return
  }
  const args = [here, ...process.argv.slice(2)]
  const sockets = countHandedSockets()
  const env = { ...process.env, DOUBLEHOP_HANDED_OVER: sockets > 0 ? SOCKETS_TOO : '1' }
  // Node closes at execve what it was given beyond the standard streams; a child can be given it.
  if (process.execve && sockets === 0) process.execve(node, [node, ...args], env)
  await runInstead(node, args, env, sockets)
}

/** How many sockets the service manager opened for this process (sd_listen_fds(3)). */
function countHandedSockets() {
  const { LISTEN_PID, LISTEN_FDS = '' } = process.env
  return LISTEN_PID === String(process.pid) && /^[1-9]\d{0,2}$/.test(LISTEN_FDS)
    ? Number(LISTEN_FDS)
    : 0
}

/** Stands in for execve: the same standard streams and sockets, every signal passed on, the same end. */
async function runInstead(node, args, env, sockets) {
  const { spawn } = await import('node:child_process')
  // A number of this list is the child's number too.
  const stdio = [
    'inherit',
    'inherit',
    'inherit',
    ...Array.from({ length: sockets }, (_, at) => 3 + at),
  ]
  const child = spawn(node, args, { env, stdio })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']
  for (const signal of signals) {
    // A terminal sends these two to the child as well; passed on they would count twice.
    const alreadySent = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGQUIT')
    process.on(signal, () => alreadySent || child.kill(signal))
  }
  child.on('error', (error) => {
    console.error(`doublehop: ${node} could not be started: ${error.message}`)
    process.exitCode = EX_CONFIG
  })
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code
      return
    }
    for (const each of signals) process.removeAllListeners(each)
    process.kill(process.pid, signal)
  })
}
