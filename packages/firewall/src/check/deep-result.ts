import { z } from 'zod'
import { firewall, text } from './bounded.ts'

/**
 * What deep checks say of a flow: what a port test cannot see. As everything that may come from another host, bounded.
 */

const bytes = z.int().min(0).max(1_000_000_000)

export const DEEP_TESTS = ['idle', 'mtu', 'half-close', 'rate', 'bytes'] as const
export type DeepTest = (typeof DEEP_TESTS)[number]

const test = z.strictObject({
  test: z.enum(DEEP_TESTS),
  result: z.enum(['pass', 'fail', 'skip']),
  /** of a failed test: DH_FW_IDLE, DH_FW_MTU, DH_FW_HALF_CLOSE, DH_FW_RATE, DH_FW_BYTES */
  code: text.optional(),
  /** what was found; of a failed test also what to change, and on which firewall */
  sentence: text,
  seconds: z.number().min(0),
  /** where a session is forgotten: it lived this long without a byte, and did not live that long */
  idleSeconds: z.strictObject({ lived: z.number().min(0), died: z.number().min(0) }).optional(),
  /** the largest packet that passes, as its IP header tells its length, away from here and towards here */
  packetBytes: z.strictObject({ up: bytes, down: bytes }).optional(),
})
/** One test of one flow. */
export type DeepTestResult = z.output<typeof test>

export const deepResult = z.strictObject({
  /** id of the flow */
  flow: text,
  /** `10.2.0.2 → 10.3.0.2:1080` */
  route: text,
  firewalls: z.array(firewall).min(1).max(3),
  /** none where nothing could be tested, and `note` tells why */
  tests: z.array(test).max(DEEP_TESTS.length),
  note: text.optional(),
})
/** All tests of one flow. */
export type DeepResult = z.output<typeof deepResult>
