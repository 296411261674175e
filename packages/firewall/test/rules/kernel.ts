import { spawnSync } from 'node:child_process'
import { missing, toolPath } from '../../../../test/kit/tools.ts'

/** Why a test that asks a real kernel cannot run. @throws Error instead with DOUBLEHOP_REQUIRE=all */
export function withoutKernel(...tools: string[]): string | false {
  const reason =
    (process.platform !== 'linux' && 'network namespaces are Linux’s') ||
    missing('unshare', ...tools) ||
    (process.getuid?.() !== 0 && 'only root may make network namespaces')
  if (reason !== false && process.env.DOUBLEHOP_REQUIRE === 'all') throw new Error(reason)
  return reason
}

/**
 * Runs a shell script in a network namespace that ends with it.
 *
 * @param input its standard input @returns what it printed @throws Error with what it complained of
 */
export function inNamespace(script: string, input: string): string {
  const { status, stdout, stderr } = spawnSync(
    toolPath('unshare'),
    ['--net', 'sh', '-e', '-c', script],
    {
      ...{ input, encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 },
      env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    },
  )
  if (status !== 0) throw new Error(`${script}: ${stderr}`)
  return stdout
}

/** What the kernel says that it has loaded, after nft has loaded this. */
export function loadedByNft(...files: string[]): string {
  return inNamespace('nft -f -; nft -j list ruleset', files.join('\n'))
}

/** The same after iptables-restore or ip6tables-restore. */
export function loadedByIptables(family: 4 | 6, file: string): string {
  const program = family === 4 ? 'iptables' : 'ip6tables'
  return inNamespace(`${program}-restore; ${program}-save`, file)
}
