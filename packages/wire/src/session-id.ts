/** A session's name across both hops: 16 random bytes as 32 lower-case hex digits, made at the gateway. */
export function isSessionId(text: string): boolean {
  return /^[0-9a-f]{32}$/.test(text)
}
