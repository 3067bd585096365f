/**
 * The client of a request, as the client's metadata document describes it now. A document that is not fresh is read again
 * only after the caller has presented a credential, a code or a refresh token of the client. Otherwise strangers could make
 * the registry send requests to the document's host.
 */

import type { Client } from '../domain/client.ts'
import { ATTEMPT_SECONDS, mayServeRefreshes, needsDocument } from '../domain/client-document.ts'
import type { PresentedClient } from '../protocol/client-authentication.ts'
import { OAuthError } from '../protocol/errors.ts'
import { sanitized } from '../protocol/sanitize.ts'
import type { ReadWithClient } from '../stores/clients.ts'
import { authenticateClient, type ClientDeps, UnverifiedAssertion } from './authenticate-client.ts'
import type { Deps, RequestContext } from './deps.ts'

type ClientRequest = Readonly<{
  presented: PresentedClient
  alsoRead: ReadWithClient
  /** Throws unless the request presents a code or a refresh token of the client. Has no effects. */
  requireOwned?: (client: Client) => Promise<unknown>
  /** A refresh may use a document that is no longer fresh, for a limited time. */
  mayBeStale?: boolean
}>
type CurrentDeps = ClientDeps & Pick<Deps, 'documents'>

/**
 * Authenticates the client and runs `check`, which throws to refuse the request. If a metadata document describes the client
 * and has to be read again, the client is then authenticated a second time, and `check` runs a second time on the new
 * document.
 */
export async function checkOnCurrentClient<Checked>(
  asked: ClientRequest,
  check: (client: Client) => Checked | Promise<Checked>,
  deps: CurrentDeps,
  context: RequestContext,
): Promise<Checked> {
  const known = await authenticate(asked, deps, context)
  const checked = await check(known)
  const current = await readAgain(known, asked, deps, context)
  return current ? check(current) : checked
}

/** If no stored key verifies the assertion, the keys are read again: the client may have begun to sign with another key. */
async function authenticate(
  { presented, alsoRead, requireOwned }: ClientRequest,
  deps: CurrentDeps,
  context: RequestContext,
): Promise<Client> {
  try {
    return await authenticateClient(presented, deps, context, alsoRead)
  } catch (cause) {
    if (!(cause instanceof UnverifiedAssertion) || !hasPublishedKeys(cause.client)) throw cause
    if (!requireOwned || !(await passes(requireOwned, cause.client))) throw cause
    const { clientId } = presented
    const { kind } = await deps.documents.resolve({ clientId, cause: 'unknown_key' })
    if (kind !== 'current') throw cause
    return authenticateClient(presented, deps, context, alsoRead)
  }
}

const hasPublishedKeys = ({ publishesKeys, document }: Client) => publishesKeys || document !== null

async function passes(check: (client: Client) => Promise<unknown>, client: Client) {
  try {
    await check(client)
    return true
  } catch (refusal) {
    if (refusal instanceof OAuthError) return false
    throw refusal
  }
}

/** The client as its document describes it now; null if the stored document is fresh. */
async function readAgain(
  client: Client,
  { presented, alsoRead, mayBeStale = false }: ClientRequest,
  deps: CurrentDeps,
  context: RequestContext,
): Promise<Client | null> {
  const { clientId } = client
  const { now } = context
  if (!needsDocument(clientId, client, now)) return null
  const resolution = await deps.documents.resolve({ clientId, cause: 'not_fresh' })
  // Another request may have read the document meanwhile.
  const asOfNow = await authenticateClient(presented, deps, context, alsoRead)
  if (!needsDocument(clientId, asOfNow, now)) return asOfNow
  const { document } = asOfNow
  if (!(mayBeStale && document !== null && mayServeRefreshes(document, now))) {
    throw notCurrent('reason' in resolution ? resolution.reason : `document: ${resolution.kind}`)
  }
  context.log('stale_document_used', { clientId, staleSeconds: now - document.freshUntil })
  return asOfNow
}

const MAX_REASON_LENGTH = 200

/** A refusal that spent nothing: a later request may succeed. */
const notCurrent = (detail: string) =>
  new OAuthError(
    'temporarily_unavailable',
    'The metadata document of the client cannot be read now. Try again shortly.',
    {
      detail: sanitized(detail, MAX_REASON_LENGTH),
      headers: { 'Retry-After': String(ATTEMPT_SECONDS) },
    },
  )
