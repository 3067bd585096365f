/**
 * The client of a request, as its metadata document describes it now. A document that is not fresh is read again only
 * after the caller has shown something of the client's: strangers could otherwise have its host asked.
 */

import type { Client } from '../domain/client.ts'
import { mayServeRefreshes } from '../domain/client-document.ts'
import type { PresentedClient } from '../protocol/client-authentication.ts'
import { notCurrent } from '../protocol/client-documents.ts'
import { OAuthError } from '../protocol/errors.ts'
import type { ReadWithClient } from '../stores/ports.ts'
import { authenticating, type ClientDeps, UnverifiedAssertion } from './authenticate-client.ts'
import { needsDocument } from './client-document.ts'
import type { Deps, RequestContext } from './deps.ts'

type Steps<T> = Readonly<{
  /** What is read with the client. */
  more: ReadWithClient
  /** May run twice: without effects, except on a grant that is used again. */
  verify: (client: Client) => Promise<T>
  /** Throws unless the request shows a code or a refresh token of the client. Null: it can show neither. */
  requireOwned: ((client: Client) => Promise<unknown>) | null
  /** For refreshes: does a document serve for a while that is no longer fresh? */
  mayBeStale: boolean
}>

export async function verifyOnCurrentClient<T>(
  presented: PresentedClient,
  steps: Steps<T>,
  deps: ClientDeps & Pick<Deps, 'documents'>,
  context: RequestContext,
): Promise<T> {
  const { now } = context
  const authenticate = authenticating(presented, deps, context, steps.more)
  const client = await authenticate().catch(async (cause: unknown) => {
    if (!(await mayReadKeys(cause, steps))) throw cause
    const { clientId } = presented
    const { kind } = await deps.documents.resolve({ clientId, cause: 'unknown_key' })
    if (kind !== 'current') throw cause
    return authenticate()
  })
  const verified = await steps.verify(client)
  const { clientId } = client
  if (!needsDocument(clientId, client, now)) return verified
  const resolution = await deps.documents.resolve({ clientId, cause: 'not_fresh' })
  // With its keys and permissions of now. The document may be fresh by another request.
  const asOfNow = await authenticate()
  const isStale = needsDocument(clientId, asOfNow, now)
  const serves = asOfNow.document !== null && mayServeRefreshes(asOfNow.document, now)
  if (isStale && !(steps.mayBeStale && serves)) {
    throw notCurrent('reason' in resolution ? resolution.reason : `document: ${resolution.kind}`)
  }
  if (isStale) {
    const staleSeconds = now - (asOfNow.document?.freshUntil ?? now)
    context.log('stale_document_used', { clientId, staleSeconds })
  }
  return steps.verify(asOfNow)
}

/** A client may have begun to sign with another key. */
async function mayReadKeys(
  cause: unknown,
  { requireOwned }: Pick<Steps<unknown>, 'requireOwned'>,
): Promise<boolean> {
  if (!(cause instanceof UnverifiedAssertion) || requireOwned === null) return false
  if (!cause.client.publishesKeys && cause.client.document === null) return false
  try {
    await requireOwned(cause.client)
    return true
  } catch (refusal) {
    if (refusal instanceof OAuthError) return false
    throw refusal
  }
}
