/**
 * Creates or changes the client that a metadata document describes. One batch has the change, its audit row, and what ends
 * with it. Only what the document has changed is changed, so that an operator's changes stay.
 */

import { DOCUMENT_ACTOR } from '../../domain/audit.ts'
import type { ClientFields, ClientRecord, GrantType } from '../../domain/client.ts'
import { noneUsable, usableRedirectUris } from '../../domain/registration.ts'
import { OFFLINE_ACCESS } from '../../domain/scope.ts'
import { invalid, notFound } from '../../protocol/registration/errors.ts'
import type { MetadataDocument } from '../../protocol/registration/metadata-document.ts'
import type { Asked, DeclaredForClients, KeptDocument } from '../../stores/client-documents.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { ClientChange, Detail } from '../../stores/registration-ports.ts'
import { changedFields, changeRecord, isSameSet, without } from './change.ts'
import { auditDetailOf, notTooMany, requireSound } from './create-client.ts'
import { withoutApproval } from './self-registered.ts'

export type KeepDeps = Readonly<{ ports: Pick<RegistrationPorts, 'clients' | 'revocations'> }>

/** What was known before, and what was read now. */
type Reading = Readonly<{
  clientId: string
  document: MetadataDocument
  /** JSON Web Key Set as JSON text; null if there are no keys. */
  jwks: string | null
  record: ClientRecord | null
  kept: KeptDocument | null
  catalogue: readonly DeclaredForClients[]
  /** Schemes without a dot that redirect URIs may have. */
  privateUseSchemes: readonly string[]
}>

/** Throws a RegistrationError if such a client cannot be registered. `now` in epoch seconds. */
export async function keepClient(reading: Reading, { ports }: KeepDeps, now: number) {
  const { clientId, document, record } = reading
  const fields = fieldsOf(reading)
  const redirectUris = usableUris(reading)
  const { authMethod, jwks, jwksUri } = fields
  requireSound({ authMethod, jwks, jwksUri, redirectUris: [], grantTypes: [] })
  const by = { actor: DOCUMENT_ACTOR, now }
  if (record === null) {
    const { allowed, requested } = permissionsFor(
      scopesAsked(reading),
      document.grantTypes,
      reading,
    )
    const whole = { fields: { ...fields, ...OPERATORS_OWN }, lists: { redirectUris, ...allowed } }
    const client = { clientId, ...whole, mode: 'allow' as const, secretDigest: null }
    const detail = auditDetailOf({ ...whole, mode: 'authorize' })
    const selfRegistered = { kind: 'document' as const, requested }
    const created = await ports.clients.create({ ...client, selfRegistered }, by, detail)
    // If nothing was created, another request has just created the client.
    if (created) return
  }
  let known = record
  const find = async () => {
    const found = known ?? (await ports.clients.find(clientId))
    known = null
    return found
  }
  await change({ ports }, now, {
    find,
    gone: 'the client was deleted while its document was read',
    decide: (before) => changesOf(before, { fields, redirectUris, reading }),
  })
}

/** Stores the keys that the client publishes at its `jwks_uri`. Sessions that depend on a removed key end. */
export async function keepKeys(
  { record, jwks }: Readonly<{ record: ClientRecord; jwks: string | null }>,
  { ports }: KeepDeps,
  now: number,
) {
  const { clientId, jwksUri } = record
  const whole = { fields: { jwks }, lists: {}, mode: 'authorize' as const }
  await change({ ports }, now, {
    find: () => ports.clients.find(clientId),
    gone: 'the client was deleted meanwhile',
    decide: (before) => {
      // An operator may have named another place meanwhile.
      const isSame = before.jwks === jwks || before.jwksUri !== jwksUri
      return isSame ? [] : [{ kind: 'update', ...whole, detail: auditDetailOf(whole) }]
    },
  })
}

type Change = ClientChange & Readonly<{ detail: Detail }>
type Deciding = Readonly<{
  find: () => Promise<ClientRecord | null>
  /** The refusal if there is no such client. */
  gone: string
  decide: (before: ClientRecord) => readonly Change[]
}>

/** Writes nothing if nothing changes. */
const change = ({ ports }: KeepDeps, now: number, { find, gone, decide }: Deciding) =>
  changeRecord({ actor: { name: DOCUMENT_ACTOR, scopes: [] }, now, ports }, null, {
    find,
    unknown: () => notFound(gone),
    change: async (before) => {
      const changes = decide(before)
      if (changes.length === 0) return { kind: 'changed', record: before, hasEnded: false }
      const by = { actor: DOCUMENT_ACTOR, now }
      return notTooMany(await ports.clients.change(before, changes, by))
    },
  })

/** The grant types that act for a user. A permission without a user needs an operator. */
const USER_GRANTS: readonly GrantType[] = ['authorization_code', 'refresh_token']

/** Fields that a document does not contain. */
const OPERATORS_OWN = {
  ownerId: '',
  description: '',
  requirePkce: true,
  mayIntrospect: false,
  accessTokenLifetimeSeconds: null,
}

type OwnFields = Omit<ClientFields, keyof typeof OPERATORS_OWN>

function fieldsOf({ document, jwks, record }: Reading): OwnFields {
  const { details, name, url, authMethod } = document
  // An operator may demand DPoP of a client that does not ask for it.
  const requireDpop = document.requireDpop || (record?.requireDpop ?? false)
  return { ...details, name, url, authMethod, jwks, requireDpop }
}

/** The redirect URIs that can be used. The others are left out if at least one can be used, because hosts name several. */
function usableUris({ document, privateUseSchemes }: Reading): readonly string[] {
  const { redirectUris, authMethod } = document
  const rule = { isPublic: authMethod === 'none', allowed: privateUseSchemes }
  const usable = usableRedirectUris(redirectUris, rule)
  if (usable.length > 0) return usable
  throw invalid(noneUsable(redirectUris, rule.isPublic), 'redirect_uris')
}

/** `before` leaves out scopes whose declaration changed at this moment or later; null leaves out none. */
const scopesAsked = (
  { document, catalogue }: Reading,
  asked: Pick<Asked, 'scopes'> = document,
  before: number | null = null,
): readonly string[] =>
  (
    asked.scopes ??
    catalogue
      .filter(({ isFree, updatedAt }) => isFree && (before === null || updatedAt < before))
      .map(({ name }) => name)
  ).filter((scope) => scope !== OFFLINE_ACCESS)

const permissionsFor = (
  scopes: readonly string[],
  grantTypes: Asked['grantTypes'],
  { catalogue, document }: Reading,
) =>
  withoutApproval(
    {
      scopes,
      // No user consents to what a client does for itself, and a public client cannot act for itself.
      grantTypes: grantTypes.filter(
        (one) => USER_GRANTS.includes(one) || document.authMethod !== 'none',
      ),
    },
    {
      freeGrants: USER_GRANTS,
      declared: new Map(catalogue.map(({ name, isFree }) => [name, isFree])),
    },
  )

type Wanted = Readonly<{ fields: OwnFields; redirectUris: readonly string[]; reading: Reading }>

function changesOf(
  before: ClientRecord,
  { fields, redirectUris, reading }: Wanted,
): readonly Change[] {
  const { document, kept } = reading
  const changed = changedFields(before, fields)
  // The store reads the address of the keys together with the keys.
  const own = 'jwks' in changed ? { ...changed, jwksUri: fields.jwksUri } : changed
  const lists = isSameSet(before.redirectUris, redirectUris) ? {} : { redirectUris }
  const now = { scopes: scopesAsked(reading), grantTypes: document.grantTypes }
  const then = kept
    ? {
        scopes: scopesAsked(reading, kept.asked, kept.fetchedAt),
        grantTypes: kept.asked.grantTypes,
      }
    : now
  const { allowed, requested } = permissionsFor(
    without(now.scopes, [...then.scopes, ...before.scopes]),
    without(now.grantTypes, [...then.grantTypes, ...before.grantTypes]),
    reading,
  )
  const dropped = {
    scopes: without(then.scopes, now.scopes),
    grantTypes: without(then.grantTypes, now.grantTypes),
  }
  const isMore = [allowed, requested].some((one) => one.scopes.length + one.grantTypes.length > 0)
  const isUpdate = Object.keys({ ...own, ...lists }).length > 0 || isMore
  const isLess = dropped.scopes.length + dropped.grantTypes.length > 0
  const mode = 'allow' as const
  const update = { kind: 'update' as const, fields: own, lists, mode, more: { allowed, requested } }
  const detail = auditDetailOf({
    fields: own,
    lists: { ...lists, ...(isMore && allowed) },
    mode: 'authorize',
  })
  const withdrawal = {
    kind: 'withdraw' as const,
    lists: dropped,
    byOwner: true,
    detail: {
      ...(dropped.grantTypes.length > 0 && { grant_types: dropped.grantTypes }),
      ...(dropped.scopes.length > 0 && { scopes: dropped.scopes }),
    },
  }
  return [...(isUpdate ? [{ ...update, detail }] : []), ...(isLess ? [withdrawal] : [])]
}
