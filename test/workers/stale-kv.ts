/** KV as Cloudflare may serve it: a location that has read a key shows the same value for a minute. */

import { env } from 'cloudflare:workers'
import type { createAuthenticator } from '../../src/authenticator/app.ts'
import { KV_STALENESS_SECONDS } from '../../src/domain/revocation.ts'
import { bearer, cookie } from './stored-session.ts'

type Copy = Readonly<{ value: string | null; readAtMs: number }>

/**
 * One location, on the clock of `Date`. An absent key is cached too, and a write is seen only when the copy is too old.
 * `look` drops a copy early and reads again; `recall` shows an older copy again, as another machine may.
 */
export function location(kv: KVNamespace) {
  const copies = new Map<string, Copy>()
  const former = new Map<string, Copy>()
  let reads = 0

  async function read(key: string): Promise<string | null> {
    reads += 1
    const copy = copies.get(key)
    if (copy && Date.now() - copy.readAtMs < KV_STALENESS_SECONDS * 1000) return copy.value
    if (copy) former.set(key, copy)
    const value = await kv.get(key)
    copies.set(key, { value, readAtMs: Date.now() })
    return value
  }

  const get = async (key: string, type?: string) => {
    const text = await read(key)
    return type === 'json' && text !== null ? (JSON.parse(text) as unknown) : text
  }
  return {
    kv: { get } as unknown as KVNamespace,
    reads: () => reads,
    look: (key: string) => {
      copies.delete(key)
      return read(key)
    },
    recall: () => {
      for (const [key, copy] of former) copies.set(key, { ...copy, readAtMs: Date.now() })
    },
  }
}

/** An isolate of the authenticator at a separate location. */
export function isolateAt(create: (kv: KVNamespace) => ReturnType<typeof createAuthenticator>) {
  const at = location(env.SESSIONS)
  const authenticator = create(at.kv)
  const ask = async (query: string, token: string) => {
    const headers = token.startsWith('regb_') ? cookie(token) : bearer(token)
    return authenticator.fetch(new Request(`https://a.example/auth${query}`, { headers }))
  }
  return {
    ...at,
    authenticator,
    ask,
    check: async (token: string) => (await ask('', token)).status,
    fresh: async (token: string) => (await ask('?fresh', token)).status,
  }
}
