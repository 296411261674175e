import type { DeepTest, DeepTestResult } from '@doublehop/firewall/check/deep-result'
import type { Test } from 'tap'
import type { ListenNetwork } from './listen-network.ts'

/** One deep test over a network, against `doublehop listen` at its far end. */
export async function deepTest(
  test: Test,
  network: ListenNetwork,
  which: DeepTest,
): Promise<DeepTestResult> {
  await network.listen()
  const { tests, note } = await network.deep({ tests: [which], timeoutMs: 2000 })
  const [found] = tests
  if (found === undefined) throw new Error(note)
  test.comment(found.sentence)
  return found
}
