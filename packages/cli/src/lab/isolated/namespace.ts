import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fault } from '@doublehop/errors/fault'

/** How long the processes inside may take to be gone. */
const PATIENCE_MILLISECONDS = 5000

/** How whoever holds a namespace calls itself. */
const NAME = 'doublehop'

/**
 * Holds a network namespace that has no name, for as long as its standard input is open. Then it ends whoever is left
 * inside, and the namespace vanishes: so it does, too, when the lab was killed and could clear nothing up. The guard
 * at its beginning is for the day when it finds itself outside. A kernel without IPv6 has none of its settings.
 */
const HOLDER = `
set -e
here=$(readlink /proc/self/ns/net)
[ "$here" != "$1" ]
shift
for setting; do
  file=/proc/sys/\${setting%%=*}
  case $file in /proc/sys/net/ipv6/*) [ -e "$file" ] || continue ;; esac
  echo "\${setting#*=}" >"$file"
done
echo ready
set +e
read -r _
number=\${here#net:?}
number=\${number%?}
for round in 1 2 3 4 5 6 7 8; do
  left=
  for process in $(find /proc/[0-9]*/ns/net -maxdepth 0 -lname "net:?$number?" 2>/dev/null); do
    process=\${process#/proc/}
    process=\${process%%/*}
    [ "$process" = $$ ] || ! kill -9 "$process" 2>/dev/null || left=1
  done
  [ "$left" ] || break
done
`

/** Addresses can be used at once, without asking whether somebody else has them. */
const EVERYWHERE = [
  'net/ipv6/conf/all/accept_dad=0',
  'net/ipv6/conf/default/accept_dad=0',
  'net/ipv6/conf/default/accept_ra=0',
]

/** Whose process holds a namespace, as `.doublehop/lab.json` remembers it. */
export interface Holder {
  readonly pid: number
  /** when it started, in the clock ticks of proc_pid_stat(5): another process of this id is not it */
  readonly started: string
}

/** A network namespace of our own, without a name, so that several labs never meet. */
export class Namespace {
  readonly holder: Holder
  readonly #child: ChildProcess
  readonly #ended: Promise<void>

  private constructor(child: ChildProcess, ended: Promise<void>, started: string) {
    this.#child = child
    this.#ended = ended
    this.holder = { pid: child.pid ?? 0, started }
  }

  /**
   * @param sysctls to set inside, such as `net/ipv4/ip_forward=1`
   * @throws Fault DH_LAB_ISOLATION
   */
  static async open(sysctls: readonly string[] = []): Promise<Namespace> {
    const outside = readlinkSync('/proc/self/ns/net')
    const sh = ['sh', '-c', HOLDER, NAME, outside, ...EVERYWHERE, ...sysctls]
    // A session of its own: Ctrl-C is for the lab, which drains its daemons first.
    const child = spawn('unshare', ['--net', '--', ...sh], { stdio: 'pipe', detached: true })
    child.stdin.on('error', () => {})
    const complaint = text(child.stderr)
    const ready = Promise.withResolvers<void>()
    const ended = Promise.withResolvers<void>()
    child.stdout.once('data', () => ready.resolve())
    child.once('error', (error) => ready.reject(impossible(error.message)))
    child.once('close', () => {
      ended.resolve()
      void complaint.then((why) =>
        ready.reject(impossible(why.trim() || 'a namespace ended at once')),
      )
    })
    await ready.promise
    return new Namespace(child, ended.promise, startOf(child.pid ?? 0) ?? '')
  }

  /** What stands before a command that is to run inside. */
  get prefix(): readonly string[] {
    return insideOf(this.holder)
  }

  /** Ends whoever is inside, and the namespace with it. */
  async close(): Promise<void> {
    this.#child.stdin?.end()
    const late = setTimeout(() => this.#child.kill('SIGKILL'), PATIENCE_MILLISECONDS)
    await this.#ended
    clearTimeout(late)
  }
}

/** What stands before a command that is to run where this process is. */
export function insideOf({ pid }: Holder): readonly string[] {
  return ['nsenter', `--net=/proc/${pid}/ns/net`, '--']
}

/**
 * Whether it is still the process that it was, and one that holds a namespace of ours: a state file may have been
 * written by somebody else, to lead whoever enters it into the network of this host.
 */
export function isHolding({ pid, started }: Holder): boolean {
  return startOf(pid) === started && isHolder(pid)
}

function isHolder(pid: number): boolean {
  try {
    const [shell, , , name] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    const isOwn = statSync(`/proc/${pid}`).uid === process.getuid?.()
    return isOwn && shell === 'sh' && name === NAME
  } catch {
    return false
  }
}

/** When a process started (proc_pid_stat(5), 22); undefined when there is none, or when it has ended and nobody looked. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The second field is a name, which may hold anything: count from behind it.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return state === 'Z' || state === 'X' ? undefined : fields[18]
  } catch {
    return undefined
  }
}

function impossible(why: string) {
  return fault('DH_LAB_ISOLATION', { why })
}
