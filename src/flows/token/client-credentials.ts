/** The client credentials grant (RFC 6749 §4.4): a client acts for itself. */

import { type Client, isPublic } from '../../domain/client.ts'
import { isDocumentUrl } from '../../domain/client-document.ts'
import { OAuthError } from '../../protocol/errors.ts'
import { namedResources, oneFormat, readTarget } from '../../protocol/resource-parameter.ts'
import { authenticateOn } from '../authenticate-client.ts'
import { checkOnCurrentClient } from '../current-client.ts'
import { newAccessBearer } from '../open-session.ts'
import {
  type Attempt,
  type Caller,
  callerOf,
  type IssuedToken,
  issueTokens,
  requireAllowed,
  requireIssuable,
  type TokenRequest,
} from './grant.ts'
import { useProof } from './proof-of-possession.ts'

export async function issueToClient(request: TokenRequest): Promise<IssuedToken> {
  const attempt = await checkClientCredentials(request)
  const { client, target, proof, deps } = attempt
  const bearer = await newAccessBearer(oneFormat(target.resources))
  await useProof(proof, deps)
  const { endorsements, redirectUris } = client
  const redirectUri = redirectUris[0] ?? ''
  const granted = { user: null, scopes: target.scopes, endorsements, redirectUri }
  return issueTokens({ bearer, refreshToken: null }, granted, attempt)
}

/** All checks that may refuse the request, except whether its proof was used before. */
function checkClientCredentials(request: TokenRequest): Promise<Attempt> {
  const { presented, fields, deps, context } = request
  if (!isDocumentUrl(presented.clientId)) return checkOnKeptClient(request)
  const asked = { presented, alsoRead: { resources: namedResources(fields) } }
  return checkOnCurrentClient(asked, (client) => check(callerOf(request, client)), deps, context)
}

function check(caller: Caller): Attempt {
  const { client, fields, proof, deps } = caller
  requireAllowed(caller)
  deps.checking?.('grant_type_approved')
  requireConfidential(client)
  deps.checking?.('target')
  const attempt = { ...caller, target: readTarget(fields, client, deps.scopePolicy) }
  requireIssuable(attempt, client, proof !== null)
  return attempt
}

/** RFC 6749 §4.4: the grant is only for confidential clients, even if a public client is registered for it. */
function requireConfidential(client: Client) {
  if (!isPublic(client)) return
  throw new OAuthError('unauthorized_client', 'A public client cannot use this grant type.')
}

/**
 * The record may be the isolate's copy, some seconds old, or a replica's. Such a record may grant, but only the primary's
 * record may refuse. The session gets the moment at which D1 read the record, so that a revocation ends a session that rests
 * on an older copy. While D1 does not answer, an older copy is used.
 */
async function checkOnKeptClient(request: TokenRequest): Promise<Attempt> {
  const { presented, fields, deps, context } = request
  const { clientId } = presented
  const resources = namedResources(fields)
  const found = await deps.clientCache.lookUp(clientId, context.nowMs, resources)
  const { client: kept, keptSinceMs, asOfMs, staleSeconds: ageSeconds } = found
  const isJustRead = keptSinceMs === null
  if (ageSeconds !== null) context.log('stale_client_used', { clientId, ageSeconds })
  try {
    const client = await authenticateOn({ presented, record: kept, isJustRead }, deps, context)
    return check(callerOf(request, client, asOfMs))
  } catch (cause) {
    if (!(cause instanceof OAuthError)) throw cause
    // An unknown id has been looked up by now. A known id is looked up too, so that the response times do not tell them
    // apart.
    if (cause.code === 'invalid_client' && !isJustRead) await deps.clients.find(clientId)
    const record = await deps.clientCache.reload(clientId, context.nowMs, resources)
    const client = await authenticateOn({ presented, record, isJustRead: true }, deps, context)
    return check(callerOf(request, client))
  }
}
