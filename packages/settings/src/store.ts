import { fault } from '@doublehop/errors/fault'
import { z } from 'zod'
import { secret } from './secret.ts'
import { type Dialling, mutualTls } from './traffic.ts'
import { placeOfUrl } from './url-place.ts'
import type { Identity } from './values.ts'

/** The url of a Redis, which may hold a password and then stands where a secret stands. */
export interface RedisUrl {
  /** @param path where it stands in the configuration @throws Fault DH_CONFIG_SECRET */
  reveal(path: string): string
  /** where it stands, or the url itself, which then holds no password */
  toJSON(): string
}

const EXPECTED =
  'expected memory, redis://… or rediss://… without a password, or file:PATH or env:NAME that holds such a url with one'

/** `memory`, the url of a Redis, or where that url is to be found. */
export function store(folder: string) {
  const plain = z
    .url({ protocol: /^rediss?$/ })
    .refine((url) => URL.parse(url)?.password === '')
    .transform((url): RedisUrl => ({ reveal: () => url, toJSON: () => url }))
  const hidden = secret(folder).transform(
    (source): RedisUrl => ({
      reveal: (path) => redisUrl(source.reveal(path), path),
      toJSON: () => source.toJSON(),
    }),
  )
  return z
    .union([z.literal('memory'), hidden, plain], EXPECTED)
    .default('memory')
    .meta({ title: 'memory or Redis url' })
}

function redisUrl(text: string, path: string): string {
  if (URL.canParse(text) && /^rediss?:\/\//.test(text)) return text
  throw fault('DH_CONFIG_SECRET', {
    path,
    source: 'it',
    why: 'it holds no redis:// or rediss:// url',
  })
}

/** The flow to a store, where it is a Redis. @param path where it stands @throws Fault DH_CONFIG_SECRET */
export function redisDials(
  store: 'memory' | RedisUrl,
  path: string,
  why: string,
  identity: Identity,
): Dialling[] {
  if (store === 'memory') return []
  const url = new URL(store.reveal(path))
  const to = placeOfUrl(url, 6379)
  return [
    {
      ...{ to, called: 'redis', transport: 'tcp' },
      ...{ speaks: 'redis', why, steps: [] },
      ...(url.protocol === 'rediss:' ? mutualTls(identity, to.host) : {}),
    },
  ]
}
