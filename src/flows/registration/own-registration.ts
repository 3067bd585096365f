/** What a client does to its own registration (RFC 7592 §2). Each verb throws a RegistrationError if it is refused. */

import { equalInConstantTime, hexDigest } from '../../crypto/digest.ts'
import {
  acceptsMethod,
  type ClientRecord,
  GRANT_TYPES,
  isEnabled,
  liveCredentials,
} from '../../domain/client.ts'
import {
  CLIENT_FIELDS,
  CLIENT_LISTS,
  permissionsOf,
} from '../../protocol/registration/client-fields.ts'
import type { ClientMetadata } from '../../protocol/registration/client-metadata.ts'
import { forbidden, invalid } from '../../protocol/registration/errors.ts'
import { shown } from '../../protocol/registration/field.ts'
import { isSameSet, without } from './change.ts'
import { changeClient, deleteClient, findClient } from './clients.ts'
import { REQUESTS_IN_AN_HOUR, requireSound } from './create-client.ts'
import { withoutApproval } from './self-registered.ts'
import { type Act, fieldsFor, grantsFor, redirectsFor } from './self-registration.ts'

/** Throws if the client is disabled: a client cannot change the decision to disable it. */
export async function findOwnRegistration(act: Act, clientId: string): Promise<ClientRecord> {
  const record = await findClient(act, clientId)
  if (isEnabled(record)) return record
  throw forbidden('the client is disabled')
}

/** §2.2: the client must not choose its id or its secret. `secret`: as the request has it; null if the request has none. */
export async function requireOwnSecret(act: Act, record: ClientRecord, secret: string | null) {
  if (secret === null) return
  const given = await hexDigest(secret)
  const isOwn = liveCredentials(record, act.now).some(({ secretDigest }) =>
    equalInConstantTime(secretDigest, given),
  )
  if (isOwn) return
  throw invalid('{field} must be the one that was issued', 'client_secret')
}

/** An operator approved the method, so it stays. For a public client that asks for a secret, see `registerClient`. */
function requireSameMethod({ authMethod }: ClientRecord, metadata: ClientMetadata) {
  const isSame =
    acceptsMethod(authMethod, metadata.authMethod) ||
    (authMethod === 'none' && metadata.authMethod.startsWith('client_secret'))
  if (isSame) return
  const sentence = `{field} must stay as it is: register again for another method`
  throw invalid(sentence, 'token_endpoint_auth_method')
}

/** Compares what an operator looks at before an approval. */
const isSameApplication = (
  before: ClientRecord,
  { name, url, logoUri }: Pick<ClientRecord, 'name' | 'url' | 'logoUri'>,
  redirectUris: readonly string[],
) =>
  before.name === name &&
  before.url === url &&
  before.logoUri === logoUri &&
  isSameSet(before.redirectUris, redirectUris)

/**
 * Replaces all that the client says of itself and all that the client requests. What an operator approved stays, as long as
 * the client requests it and remains the application that was approved; otherwise it is requested again. Other settings of an
 * operator stay.
 */
export async function updateOwnRegistration(
  act: Act,
  clientId: string,
  metadata: ClientMetadata,
  privateUseSchemes: readonly string[],
): Promise<ClientRecord> {
  const declared = await act.ports.scopes.selfRegistration()
  const { authMethod } = await findOwnRegistration(act, clientId)
  const { ownerId, description, requirePkce, mayIntrospect, accessTokenLifetimeSeconds, ...own } =
    await fieldsFor(authMethod, metadata)
  const { authMethod: _, jwks, ...fields } = own
  const said = jwks === null ? fields : { ...fields, jwks }
  const redirectUris = redirectsFor(authMethod, metadata, privateUseSchemes)
  const { record } = await changeClient(act, clientId, null, (before) => {
    requireSameMethod(before, metadata)
    // An operator may demand DPoP of a client that does not ask for it.
    const given = { ...said, requireDpop: said.requireDpop || before.requireDpop }
    requireSound({ authMethod, jwks, jwksUri: given.jwksUri, redirectUris: [], grantTypes: [] })
    const isSame = isSameApplication(before, given, redirectUris)
    const approved = before.selfRegistered?.approvedScopes ?? []
    const kept = isSame ? approved : []
    const endorsements = isSame ? [] : permissionsOf(before, 'endorsement', false)
    const asked = { grantTypes: grantsFor(before.authMethod, metadata), scopes: metadata.scopes }
    const freeGrants = before.authMethod === 'none' ? GRANT_TYPES : before.grantTypes
    const { allowed, requested } = withoutApproval(asked, { freeGrants, declared })
    const isKept = (scope: string) => kept.includes(scope)
    const again = metadata.scopes === null ? kept : requested.scopes.filter(isKept)
    const lists = {
      redirectUris,
      grantTypes: allowed.grantTypes,
      scopes: [...new Set([...allowed.scopes, ...again])],
    }
    const waiting = {
      grantTypes: requested.grantTypes,
      scopes: requested.scopes.filter((scope) => !isKept(scope)),
      endorsements: [...permissionsOf(before, 'endorsement', true), ...endorsements],
    }
    const withdrawn = { scopes: isSame ? [] : approved, endorsements }
    const asksMore =
      without(waiting.scopes, permissionsOf(before, 'scope', true)).length > 0 ||
      without(waiting.grantTypes, permissionsOf(before, 'grant_type', true)).length > 0
    const detail = {
      ...shown('inAudit', CLIENT_FIELDS, given),
      ...shown('inAudit', CLIENT_LISTS, lists),
    }
    const update = { kind: 'update' as const, byOwner: true }
    return [
      ...(Object.values(withdrawn).flat().length === 0
        ? []
        : [{ kind: 'withdraw' as const, lists: withdrawn, byOwner: true, detail: withdrawn }]),
      { ...update, fields: given, lists, mode: 'allow' as const, detail },
      {
        ...{ ...update, fields: {}, lists: waiting, mode: 'request' as const },
        detail: { ...waiting, requested_only: true },
        ...(asksMore && { mostInAnHour: REQUESTS_IN_AN_HOUR }),
      },
    ]
  })
  return record
}

/** §2.3: deletes the client, and ends all of its tokens. */
export async function deleteOwnRegistration(act: Act, clientId: string): Promise<void> {
  await findOwnRegistration(act, clientId)
  await deleteClient(act, clientId)
}
