#!/usr/bin/env node
// Starts the doublehop command. Plain JavaScript, so that an older Node than the one it needs can
// still read it: it then hands over to the Node that came with the packages.
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_NEEDED = 26
const EX_CONFIG = 78

const here = fileURLToPath(import.meta.url)
const modules = join(dirname(dirname(dirname(dirname(here)))), 'node_modules')

// Marks a process that was handed over to, so that a wrong Node there cannot hand over for ever.
const handedOver = process.env.DOUBLEHOP_HANDED_OVER !== undefined
delete process.env.DOUBLEHOP_HANDED_OVER

if (Number.parseInt(process.versions.node, 10) >= NODE_NEEDED) {
  // Compiled and type-stripped sources are kept here, not in the temporary folder all users share.
  module.enableCompileCache(join(modules, '.cache', 'doublehop'))
  const { main } = await import('../src/main.ts')
  process.exitCode = await main(process.argv)
} else {
  await handOver(join(modules, '.bin', 'node'))
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
  const env = { ...process.env, DOUBLEHOP_HANDED_OVER: '1' }
  if (process.execve) process.execve(node, [node, ...args], env)
  await runInstead(node, args, env)
}

/** Stands in for execve: the same standard streams, every signal passed on, the same end. */
async function runInstead(node, args, env) {
  const { spawn } = await import('node:child_process')
  const child = spawn(node, args, { env, stdio: 'inherit' })
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
