/** The JWK Set (RFC 7517) that a client publishes at its `jwks_uri`. */

import { readKeySet } from '../../crypto/key-set.ts'
import type { HostRule } from '../../domain/document-host.ts'
import type { Resolution } from '../../protocol/client-documents.ts'
import { type FetchBounded, JSON_TYPES, type Outbound } from '../../protocol/outbound.ts'
import { documentHostOf, outboundUrlProblem } from '../../protocol/outbound-url.ts'
import { invalid } from '../../protocol/registration/errors.ts'
import { JsonProblem, parseJson } from '../../protocol/strict-json.ts'
import type { ClientDocumentStore } from '../../stores/client-documents.ts'

/** The time limit for each answer of another host. */
export const DEADLINE_SECONDS = 3
/** Ten RSA keys with their certificates fit into this size. */
const MAX_KEY_SET_BYTES = 16 * 1024

export type KeyDeps = Readonly<{
  documents: ClientDocumentStore
  fetchBounded: FetchBounded
  allowsLoopback: boolean
}>

export type PublishedKeys = Readonly<{
  /** JSON Web Key Set as JSON text, with usable keys only; null if there are no keys. */
  jwks: string | null
  freshSeconds: number | null
}>

export const refused = (reason: string): Resolution => ({ kind: 'refused', reason })

export const unavailable = (
  what: string,
  { reason }: Extract<Outbound, { kind: 'failed' }>,
): Resolution => ({ kind: 'unavailable', reason: `${what} ${reason}` })

type Asking = Readonly<{
  /** The host that this request may already send requests to; null if there is none. */
  askedHost: string | null
  mayAsk: (rule: HostRule | null) => boolean
}>

/** Throws a RegistrationError for a set that cannot be used. */
export async function readPublishedKeys(
  jwksUri: string,
  { askedHost, mayAsk }: Asking,
  { documents, fetchBounded, allowsLoopback }: KeyDeps,
): Promise<PublishedKeys | Resolution> {
  const problem = outboundUrlProblem(jwksUri, allowsLoopback)
  if (problem !== null) return refused(`jwks_uri ${problem}`)
  const host = documentHostOf(jwksUri)
  if (host !== askedHost) {
    // Without a claim, many documents could cause requests to one host for their keys.
    const claimed = await documents.claim(host)
    if (!mayAsk(claimed.rule)) return refused('the host of jwks_uri is not allowed here')
    if (!claimed.mayAsk) return { kind: 'too_soon' }
  }
  const outbound = await fetchBounded({
    url: jwksUri,
    accept: JSON_TYPES,
    maxBytes: MAX_KEY_SET_BYTES,
    deadlineSeconds: DEADLINE_SECONDS,
  })
  if (outbound.kind === 'failed') return unavailable('jwks_uri', outbound)
  const jwks = await usableKeys(JSON.stringify(jsonIn(outbound.bytes)), 'jwks_uri')
  return { jwks, freshSeconds: outbound.freshSeconds }
}

/** The depth of the JSON is bounded, so that it can be written as text again. */
function jsonIn(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes)
  } catch (problem) {
    if (!(problem instanceof JsonProblem)) throw problem
    throw invalid(`{field} ${problem.message}`, 'jwks_uri')
  }
}

export async function usableKeys(text: string, field: string): Promise<string> {
  const read = await readKeySet(text)
  if (typeof read !== 'string') return read.keySet
  throw invalid(`the JWK Set of {field} ${read}`, field)
}
