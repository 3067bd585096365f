/** The registry's public keys for another Worker, which reads them over HTTP and keeps them in the isolate. */

import { importPublicKeys, type VerificationKeys } from '../crypto/signed-jwt.ts'
import { within } from '../deadline.ts'
import { SharedRead } from './isolate-memory.ts'

/** Within this time a key that the registry has removed is refused. */
export const KEYS_REFRESHED_SECONDS = 300
/** How long a key set stays valid while the registry does not answer. */
export const KEYS_KEPT_SECONDS = 24 * 3600
/** A stranger's `kid`, and a registry that fails, each cause at most one read in this time. */
const PAUSE_SECONDS = 10
/** The same time while there is no key set at all, so that no signed token can be checked. */
const FIRST_PAUSE_SECONDS = 1

/** Five keys need less than 2 KiB. */
const MAX_BYTES = 65_536
const KID = /^[\w-]{43}$/

type KeySet = Readonly<{ keys: ReadonlyMap<string, CryptoKey>; readAtMs: number }>

/** Stops reading when the limit is reached. */
async function textOf(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  // The stream is cancelled when the loop is left.
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BYTES) throw new Error(`the key set is longer than ${MAX_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Throws unless the response is a JWK Set. An empty set is valid, a set with keys of unknown types only is not. */
async function keysIn(response: Response): Promise<Map<string, CryptoKey>> {
  if (response.status !== 200) {
    void response.body?.cancel().catch(() => {})
    throw new Error(`the key set answered ${response.status}`)
  }
  const set: unknown = JSON.parse(await textOf(response))
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : null
  if (!Array.isArray(keys)) throw new Error('the key set has no list of keys')
  const known = await importPublicKeys(keys)
  if (known.size > 0 || keys.length === 0) return known
  throw new Error('the key set has no key that can be used')
}

/** What an isolate keeps between requests. The moments are those at which a request that reads the keys began. */
export class KnownKeys {
  set: KeySet | null = null
  begunAtMs = Number.NEGATIVE_INFINITY
  ended = { atMs: Number.NEGATIVE_INFINITY, isRead: false }
  readonly read = new SharedRead()
}

type Source = Readonly<{
  ask: (signal: AbortSignal) => Promise<Response>
  timeoutSeconds: number
  /** Is called with each fault of a read. */
  tell: (fault: unknown) => void
}>

/**
 * Throws if it cannot tell whether the signature is valid: there is no key set, or the set may lack a newer key. A check
 * whose `kid` has no key waits for a read, and so does the first check that finds the set old. All other checks use the kept
 * set.
 */
export function remoteVerificationKeys(
  { ask, timeoutSeconds, tell }: Source,
  known = new KnownKeys(),
): VerificationKeys {
  const tooLate = () => new Error(`the key set was not read within ${timeoutSeconds} s`)
  const ageSeconds = (nowMs: number) =>
    known.set === null ? Number.POSITIVE_INFINITY : (nowMs - known.set.readAtMs) / 1000
  const isKept = (nowMs: number) => ageSeconds(nowMs) < KEYS_KEPT_SECONDS
  const isRecent = (atMs: number, nowMs: number) =>
    nowMs - atMs < (isKept(nowMs) ? PAUSE_SECONDS : FIRST_PAUSE_SECONDS) * 1000
  const isJustRead = (nowMs: number) => known.ended.isRead && isRecent(known.ended.atMs, nowMs)

  async function read(nowMs: number) {
    if (isRecent(known.ended.atMs, nowMs)) throw new Error('another request has just failed')
    known.begunAtMs = nowMs
    const ending = new AbortController()
    try {
      const work = async () => keysIn(await ask(ending.signal))
      known.set = { keys: await within(timeoutSeconds, work, tooLate), readAtMs: nowMs }
      known.ended = { atMs: nowMs, isRead: true }
    } catch (fault) {
      known.ended = { atMs: nowMs, isRead: false }
      tell(fault)
      throw fault
    } finally {
      ending.abort()
    }
  }

  const refresh = (nowMs: number) =>
    known.read
      .share(
        () => isJustRead(nowMs),
        () => read(nowMs),
      )
      .catch(() => {})

  const keptKey = (kid: string, nowMs: number) =>
    (isKept(nowMs) && known.set?.keys.get(kid)) || null

  return {
    async find(kid, nowMs) {
      // The registry cannot have a key with this id.
      if (!KID.test(kid)) return null
      const kept = keptKey(kid, nowMs)
      if (kept && ageSeconds(nowMs) < KEYS_REFRESHED_SECONDS) return kept
      if (!isRecent(kept ? known.begunAtMs : known.ended.atMs, nowMs)) await refresh(nowMs)
      const key = keptKey(kid, nowMs)
      if (key || isJustRead(nowMs)) return key
      throw new Error('the keys of the registry are not known')
    },
  }
}
