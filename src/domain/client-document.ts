/** Clients whose id is the address of a client metadata document: which are accepted, and for how long a document counts. */

import { type Client, isEnabled } from './client.ts'
import type { DocumentPolicy, HostRule } from './document-host.ts'

const MIN_FRESH_SECONDS = 60
const MAX_FRESH_SECONDS = 86_400
/** Where the response does not say (RFC 9111 §4.2.2 leaves it to the cache). */
const DEFAULT_FRESH_SECONDS = 3600
/** For so long after its freshness a document serves refreshes, while nothing newer can be read at its address. */
export const STALE_DOCUMENT_SECONDS = 86_400
/** A client by document that was not used for so long is deleted. Its next use registers it again. */
export const FORGET_DOCUMENT_SECONDS = 90 * 86_400
/** Between two attempts to read at a host where none has succeeded. */
export const ATTEMPT_SECONDS = 10

/** No id of ours is one. `http:` is for loopback addresses. `outbound-url.ts` says which addresses are asked. */
export const isDocumentUrl = (clientId: string) => /^https?:\/\//.test(clientId)

/** What a request needs to know of a client's document, beside the client. */
export type DocumentState = Readonly<{
  /** Epoch seconds. */
  freshUntil: number
  /** The operator's rule for its host; null if there is none. */
  rule: HostRule | null
}>

/** `seconds`: what the headers say; null if they do not. */
export const freshUntilOf = (fetchedAt: number, seconds: number | null) =>
  fetchedAt +
  Math.min(MAX_FRESH_SECONDS, Math.max(MIN_FRESH_SECONDS, seconds ?? DEFAULT_FRESH_SECONDS))

export const isFresh = ({ freshUntil }: DocumentState, now: number) => now < freshUntil

export const mayServeRefreshes = ({ freshUntil }: DocumentState, now: number) =>
  now < freshUntil + STALE_DOCUMENT_SECONDS

/** Has the operator let clients of a host in? `rule`: `block` where the list has both for it; null where it has none. */
export const isAdmitted = (policy: DocumentPolicy, rule: HostRule | null) =>
  policy === 'any' ? rule !== 'block' : policy === 'allowlist' && rule === 'allow'

/**
 * Why the operator does not let this client in, for the log. Null for a client of another kind, and while nothing is known
 * of the document.
 */
export function whyNotAdmitted(
  clientId: string,
  client: Client | null,
  policy: DocumentPolicy,
): string | null {
  if (!isDocumentUrl(clientId)) return null
  if (policy === 'off') return 'CLIENT_DOCUMENTS is off'
  if (!client?.document || isAdmitted(policy, client.document.rule)) return null
  return client.document.rule === 'block' ? 'its host is blocked' : 'its host is not allowed'
}

/** Must its document be read before anything is shown or given to the client? A disabled client gets nothing anyway. */
export const needsDocument = (clientId: string, client: Client | null, now: number) =>
  isDocumentUrl(clientId) &&
  (client === null || isEnabled(client)) &&
  !(client?.document && isFresh(client.document, now))
