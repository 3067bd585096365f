/**
 * Pages that are the same for everybody. The edge and browsers keep them, so that a request within this time reads no
 * storage. On workers.dev the Cache API keeps nothing, and each request reads storage.
 */

import { digest } from '../crypto/digest.ts'
import type { HttpContext } from '../http/request-context.ts'

/** The methods of the Cache API, which may drop an entry at any time. `address` is on the registry's own origin. */
export type EdgeCache = Readonly<{
  find: (address: string) => Promise<Response | undefined>
  keep: (address: string, kept: Response) => Promise<void>
}>

export const edgeCache: EdgeCache = {
  find: (address) => caches.default.match(address),
  keep: (address, kept) => caches.default.put(address, kept),
}

type Kept = Readonly<{ text: string; etag: string }>

async function find(c: HttpContext, cache: EdgeCache, address: string): Promise<Kept | null> {
  try {
    const found = await cache.find(address)
    const etag = found?.headers.get('ETag')
    return found && etag ? { text: await found.text(), etag } : null
  } catch (fault) {
    c.get('request').log('edge_cache_failed', { fault })
    return null
  }
}

/** RFC 9110 §13.1.2: the comparison is weak, because an edge that compresses a page makes its tag weak. */
const isKnown = (given: string | undefined, etag: string) =>
  (given ?? '').split(',').some((one) => one.trim().replace(/^W\//, '') === etag)

/** The page may be `seconds` old at the edge, and as long again in a browser. `make` is called only if the edge lacks it. */
export async function sendKept(
  c: HttpContext,
  cache: EdgeCache,
  { address, seconds }: Readonly<{ address: string; seconds: number }>,
  {
    make,
    send,
  }: Readonly<{
    make: () => Promise<string>
    send: (text: string) => Response | Promise<Response>
  }>,
): Promise<Response> {
  const cacheControl = `public, max-age=${seconds}`
  let kept = await find(c, cache, address)
  if (kept === null) {
    const text = await make()
    kept = { text, etag: `"${await digest(text)}"` }
    const headers = { ETag: kept.etag, 'Cache-Control': cacheControl }
    c.get('request').defer(cache.keep(address, new Response(text, { headers })))
  }
  const { text, etag } = kept
  const response = isKnown(c.req.header('If-None-Match'), etag)
    ? new Response(null, { status: 304 })
    : await send(text)
  response.headers.set('Cache-Control', cacheControl)
  response.headers.set('ETag', etag)
  return response
}
