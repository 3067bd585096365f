/**
 * Reads the client metadata document at a client's id and stores the client as the document describes it. An operator's
 * decisions stay: a disabled client stays disabled, and an authorized or withdrawn permission stays authorized or withdrawn.
 */

import { freshUntilOf, isAdmitted, isDocumentUrl, isFresh } from '../../domain/client-document.ts'
import type { DocumentPolicy, HostRule } from '../../domain/document-host.ts'
import { isOnThisMachine } from '../../domain/network.ts'
import type { Resolution, ResolutionRequest } from '../../protocol/client-documents.ts'
import { JSON_TYPES } from '../../protocol/outbound.ts'
import { documentHostOf, documentUrlProblem } from '../../protocol/outbound-url.ts'
import { RegistrationError } from '../../protocol/registration/errors.ts'
import {
  MAX_DOCUMENT_BYTES,
  type MetadataDocument,
  readMetadataDocument,
} from '../../protocol/registration/metadata-document.ts'
import { type KeepDeps, keepClient, keepKeys } from './keep-document-client.ts'
import {
  DEADLINE_SECONDS,
  type KeyDeps,
  type PublishedKeys,
  readPublishedKeys,
  refused,
  unavailable,
  usableKeys,
} from './published-keys.ts'

export type DocumentDeps = KeepDeps &
  KeyDeps &
  Readonly<{
    policy: DocumentPolicy
    /** Schemes without a dot that redirect URIs may have. */
    privateUseSchemes: readonly string[]
  }>

/** What was read: the document, and the keys that it contains or that its `jwks_uri` publishes. */
export type ReadDocument = Readonly<{
  document: MetadataDocument
  /** JSON Web Key Set as JSON text, with usable keys only; null if there are no keys. */
  jwks: string | null
  freshSeconds: number | null
}>

const NOT_ADMITTED = refused('its host is not allowed here')

/** Returns a result, and never throws, for a fault of the client's author. `now` in epoch seconds. */
export async function resolveClientDocument(
  { clientId, cause }: ResolutionRequest,
  deps: DocumentDeps,
  now: number,
): Promise<Resolution> {
  if (!isDocumentUrl(clientId)) return caught(() => readKeysAgain(clientId, deps, now))
  return caught(() => readAgain({ clientId, cause }, deps, now))
}

/** Returns a RegistrationError as a refusal, because such an error is about what the author wrote. */
async function caught(read: () => Promise<Resolution>): Promise<Resolution> {
  try {
    return await read()
  } catch (problem) {
    if (problem instanceof RegistrationError) return refused(problem.message)
    throw problem
  }
}

async function readAgain(
  { clientId, cause }: ResolutionRequest,
  deps: DocumentDeps,
  now: number,
): Promise<Resolution> {
  const { policy, documents } = deps
  if (policy === 'off') return refused('documents are not accepted here')
  const problem = documentUrlProblem(clientId, deps.allowsLoopback)
  if (problem !== null) return refused(`its address ${problem}`)
  const host = documentHostOf(clientId)
  const { mayAsk, rule, record, kept, catalogue } = await documents.begin(clientId, host)
  if (!isAdmitted(policy, rule)) return NOT_ADMITTED
  const isNeeded = cause === 'unknown_key' || !record?.document || !isFresh(record.document, now)
  if (!isNeeded) return { kind: 'current' }
  if (!mayAsk) return { kind: 'too_soon' }
  const read = await readDocument(clientId, deps)
  if ('kind' in read) return read
  const { document, jwks } = read
  const { privateUseSchemes } = deps
  const reading = { clientId, document, jwks, record, kept, catalogue, privateUseSchemes }
  await keepClient(reading, deps, now)
  const { scopes, grantTypes } = document
  const freshUntil = freshUntilOf(now, read.freshSeconds)
  const state = { host, asked: { scopes, grantTypes }, fetchedAt: now, freshUntil }
  // A key that stays unknown does not cause another request to the host.
  await documents.keep(clientId, state, cause !== 'unknown_key')
  return { kind: 'current' }
}

async function readDocument(
  clientId: string,
  deps: DocumentDeps,
): Promise<ReadDocument | Resolution> {
  const outbound = await deps.fetchBounded({
    url: clientId,
    accept: JSON_TYPES,
    maxBytes: MAX_DOCUMENT_BYTES,
    deadlineSeconds: DEADLINE_SECONDS,
  })
  if (outbound.kind === 'failed') return unavailable('its address', outbound)
  const document = readMetadataDocument(outbound.bytes, clientId)
  const keys = await keysOf(document, clientId, deps)
  if ('kind' in keys) return keys
  const freshSeconds = [outbound.freshSeconds, keys.freshSeconds].filter((one) => one !== null)
  return {
    document,
    jwks: keys.jwks,
    freshSeconds: freshSeconds.length === 0 ? null : Math.min(...freshSeconds),
  }
}

/** A document on another machine must not make the registry send requests to the registry's own machine. */
async function keysOf(
  { jwks, details: { jwksUri } }: MetadataDocument,
  clientId: string,
  deps: DocumentDeps,
): Promise<PublishedKeys | Resolution> {
  if (jwks !== null) return { jwks: await usableKeys(jwks, 'jwks'), freshSeconds: null }
  if (jwksUri === '') return { jwks: null, freshSeconds: null }
  const mayAsk = (rule: HostRule | null) => isAdmitted(deps.policy, rule)
  const host = documentHostOf(clientId)
  const allowsLoopback = deps.allowsLoopback && isOnThisMachine(clientId)
  return readPublishedKeys(jwksUri, { askedHost: host, mayAsk }, { ...deps, allowsLoopback })
}

/** Reads only the keys, for a client that registered itself by a request, or that an operator registered. */
async function readKeysAgain(
  clientId: string,
  deps: DocumentDeps,
  now: number,
): Promise<Resolution> {
  const { clients } = deps.ports
  const record = await clients.find(clientId)
  if (!record || record.jwksUri === '') return refused('it has no jwks_uri')
  const { jwksUri } = record
  const mayAsk = (rule: HostRule | null) => rule !== 'block'
  const keys = await readPublishedKeys(jwksUri, { askedHost: null, mayAsk }, deps)
  if ('kind' in keys) return keys
  await keepKeys({ record, ...keys }, deps, now)
  return { kind: 'current' }
}
