/**
 * Clients whose id is the address of a client metadata document: which of them are accepted, and how long a document is
 * valid.
 */

import { type Client, isEnabled } from './client.ts'
import type { DocumentPolicy, HostRule } from './document-host.ts'

const MIN_FRESH_SECONDS = 60
const MAX_FRESH_SECONDS = 86_400
/** How long a document is fresh if the response does not say (RFC 9111 §4.2.2 lets the cache decide). */
const DEFAULT_FRESH_SECONDS = 3600
/** How long after its freshness a document may be used for refreshes, while nothing newer can be read at its address. */
export const STALE_DOCUMENT_SECONDS = 86_400
/** A client by document that was unused for this time is deleted. The next use registers the client again. */
export const FORGET_DOCUMENT_SECONDS = 90 * 86_400
/** The time between two attempts to read a document at a host, if no attempt has succeeded. */
export const ATTEMPT_SECONDS = 10

/** No id that the registry generates has this form. `http:` is for loopback addresses (`outbound-url.ts`). */
export const isDocumentUrl = (clientId: string) => /^https?:\/\//.test(clientId)

export type DocumentState = Readonly<{
  /** Epoch seconds. */
  freshUntil: number
  /** The operator's rule for the document's host; null if there is none. */
  rule: HostRule | null
}>

/** `seconds`: the freshness that the headers state; null if they state none. */
export const freshUntilOf = (fetchedAt: number, seconds: number | null) =>
  fetchedAt +
  Math.min(MAX_FRESH_SECONDS, Math.max(MIN_FRESH_SECONDS, seconds ?? DEFAULT_FRESH_SECONDS))

export const isFresh = ({ freshUntil }: DocumentState, now: number) => now < freshUntil

export const mayServeRefreshes = ({ freshUntil }: DocumentState, now: number) =>
  now < freshUntil + STALE_DOCUMENT_SECONDS

/** `rule`: `block` if the list both allows and blocks the host; null if the list does not have the host. */
export const isAdmitted = (policy: DocumentPolicy, rule: HostRule | null) =>
  policy === 'any' ? rule !== 'block' : policy === 'allowlist' && rule === 'allow'

/** For the log. Null for a client of another kind, and if nothing is known of the document. */
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

/** Must the client's document be read before the client is shown or gets anything? A disabled client gets nothing anyway. */
export const needsDocument = (clientId: string, client: Client | null, now: number) =>
  isDocumentUrl(clientId) &&
  (client === null || isEnabled(client)) &&
  !(client?.document && isFresh(client.document, now))
