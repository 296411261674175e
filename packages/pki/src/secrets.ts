import { createHash, randomBytes } from 'node:crypto'

/** 32 random bytes as base64url: 43 characters, no padding. */
export function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** Whether the text is 32 bytes of base64url in the one spelling `randomSecret` gives them. */
export function isSecret(text: string): boolean {
  const bytes = Buffer.from(text, 'base64url')
  return bytes.length === 32 && bytes.toString('base64url') === text
}

/** The SHA-256 of a token's characters (not of the bytes they stand for), in lower-case hex. */
export function tokenDigest(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
