/** Clients whose id is the address of a client metadata document: is what was read there still current? */

import { type Client, isEnabled } from '../domain/client.ts'
import { isAdmitted, isFresh } from '../domain/client-document.ts'
import type { DocumentPolicy } from '../domain/document-host.ts'
import { isDocumentUrl } from '../protocol/document-url.ts'

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
  if (!client?.document || isAdmitted(policy, client.document)) return null
  return client.document.rule === 'block' ? 'its host is blocked' : 'its host is not allowed'
}

/** Must its document be read before anything is shown or given to the client? A disabled client gets nothing anyway. */
export const needsDocument = (clientId: string, client: Client | null, now: number) =>
  isDocumentUrl(clientId) &&
  (client === null || isEnabled(client)) &&
  !(client?.document && isFresh(client.document, now))
