/** Runs tap, the test framework, on some files. Its settings stand in package.json. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Parser } from 'tap-parser'
import { type FileOutcome, readCases } from './cases.ts'

export interface TapRun {
  root: string
  files: string[]
  /** For the tests, on top of this process's own. */
  env: NodeJS.ProcessEnv
  /** The whole output as it comes, TAP and standard error alike. */
  onOutput: (chunk: Buffer) => void
  /** Printed by a test beside its results, or by tap itself. */
  onNoise: (text: string | Buffer) => void
  onFile: (file: FileOutcome) => void
}

/** Runs the files, two at a time where there are two cores, and returns tap's exit code. */
export async function runTap(run: TapRun): Promise<number> {
  const parser = new Parser()
  readCases(parser, run.onFile)
  parser.on('extra', run.onNoise)
  const ended = Promise.withResolvers<void>()
  parser.on('complete', () => ended.resolve())

  const tap = startTap(run.root, ['run', '--reporter=tap', ...run.files], run.env)
  tap.stdout.on('data', (chunk: Buffer) => {
    run.onOutput(chunk)
    parser.write(chunk)
  })
  tap.stdout.on('end', () => parser.end())
  tap.stderr.on('data', (chunk: Buffer) => {
    run.onOutput(chunk)
    run.onNoise(chunk)
  })
  const [code] = await Promise.all([exitOf(tap), ended.promise])
  return code
}

/**
 * tap puts its test class together from plugins, once for each set of them. By itself it would do
 * so in the first run only after that run has loaded the wrong set.
 */
export async function buildTapIfStale(root: string): Promise<void> {
  const { tap } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const fromTap = createRequire(createRequire(join(root, 'test/')).resolve('tap'))
  const built = readFileSync(fromTap.resolve('@tapjs/test/built'), 'utf8')
  const isAsConfigured = (plugin: string) =>
    plugin.startsWith('!') ? !built.includes(`"${plugin.slice(1)}"`) : built.includes(`"${plugin}"`)
  if (tap.plugin.every(isAsConfigured)) return
  const build = startTap(root, ['build'], {})
  build.stderr.pipe(process.stderr)
  build.stdout.resume()
  if ((await exitOf(build)) !== 0) throw new Error('tap build failed')
}

function startTap(root: string, args: string[], env: NodeJS.ProcessEnv) {
  const bin = join(root, 'node_modules/.bin')
  // What an outer tap left here for its own tests would steer this one.
  const inherited = Object.entries(process.env).filter(([name]) => !/^_?TAP/.test(name))
  return spawn(process.execPath, [join(bin, 'tap'), ...args], {
    cwd: root,
    env: {
      ...Object.fromEntries(inherited),
      ...env,
      PATH: `${bin}:${process.env.PATH}`,
      // Spares each of the many processes to come a tenth of a second or more.
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/doublehop'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** A signal ends tap first, which ends the tests, and then this process in the same way. */
async function exitOf(child: ReturnType<typeof startTap>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let received: NodeJS.Signals | undefined
  const passOn = (signal: NodeJS.Signals) => {
    received = signal
    child.kill(signal)
  }
  child.on('error', reject)
  child.on('close', (code) => resolve(code ?? 1))
  for (const signal of SIGNALS) process.on(signal, passOn)
  try {
    return await promise
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn)
    if (received) process.kill(process.pid, received)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
