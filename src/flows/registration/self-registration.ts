/** A client registers itself (RFC 7591), and manages its registration with a registration access token (RFC 7592). */

import { digest, hexDigest, tokenDigestOf } from '../../crypto/digest.ts'
import { deriveTexts, randomId, randomText } from '../../crypto/random.ts'
import { isWellFormed, mintToken, tokenOf } from '../../crypto/token.ts'
import {
  type ClientFields,
  type ClientRecord,
  GRANT_TYPES,
  type GrantType,
  type RequestAuthMethod,
  usesSecret,
} from '../../domain/client.ts'
import { clientFields, noneUsable, usableRedirectUris } from '../../domain/registration.ts'
import type { ClientMetadata } from '../../protocol/registration/client-metadata.ts'
import { invalid } from '../../protocol/registration/errors.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { RegistrationLimits, SelfRegistrations } from '../../stores/self-registrations.ts'
import { type Act as AnyAct, authorOf } from './change.ts'
import { auditDetailOf, requireSound, withKeySet } from './create-client.ts'
import { withoutApproval } from './self-registered.ts'

export type SelfRegistrationPorts = RegistrationPorts &
  Readonly<{ registrations: SelfRegistrations }>
export type Act = AnyAct<SelfRegistrationPorts>

/** What the deployment's settings allow. */
type Rules = Readonly<{
  /** The network of the request; null if an access token allows the registration. */
  openTo: string | null
  limits: RegistrationLimits
  privateUseSchemes: readonly string[]
}>

/** `token`: the registration access token; null for a client that several requests share. */
type Registered = Readonly<{
  record: ClientRecord
  clientSecret: string | null
  token: string | null
}>

/** Attempts of a registration, while duplicates of it appear and disappear. */
const MAX_ROUNDS = 3

/**
 * Where everybody may register, a secret protects nothing, because everybody can get one. So a client that asks for a secret
 * and acts for users is registered as public, and the response says so (RFC 7591 §3.2.1). Other clients that
 * authenticate get no grant type before an operator approves.
 */
function methodOf({ authMethod, grantTypes }: ClientMetadata, isOpen: boolean): RequestAuthMethod {
  const becomesPublic =
    isOpen && usesSecret(authMethod) && grantTypes.includes('authorization_code')
  return becomesPublic ? 'none' : authMethod
}

/** The grant types without those that a public client cannot use. */
export function grantsFor(
  authMethod: ClientFields['authMethod'],
  { grantTypes }: ClientMetadata,
): readonly GrantType[] {
  if (authMethod !== 'none') return grantTypes
  const usable = grantTypes.filter((type) => type !== 'client_credentials')
  if (usable.length > 0) return usable
  throw invalid('{field}: client_credentials needs a client that authenticates', 'grant_types')
}

export function redirectsFor(
  authMethod: ClientFields['authMethod'],
  { redirectUris, grantTypes }: ClientMetadata,
  allowed: readonly string[],
): readonly string[] {
  const usable = usableRedirectUris(redirectUris, { isPublic: authMethod === 'none', allowed })
  if (usable.length > 0 || !grantTypes.includes('authorization_code')) return usable
  const sentence =
    redirectUris.length === 0
      ? '{field}: the grant type authorization_code needs a redirect URI'
      : noneUsable(redirectUris, authMethod === 'none')
  throw invalid(sentence, 'redirect_uris')
}

/** The client's fields, with the keys that can be used. Throws if the client could not authenticate with the given keys. */
export async function fieldsFor(
  authMethod: ClientFields['authMethod'],
  metadata: ClientMetadata,
): Promise<ClientFields> {
  const { name, url, details, requireDpop, jwks } = metadata
  const said = { name, url, ...details, jwks, authMethod, requireDpop }
  return (await withKeySet(clientFields({ ...said, ownerId: '' }))).fields
}

type Outcome =
  | (Registered & Readonly<{ kind: 'registered' }>)
  | Readonly<{ kind: 'too_many'; retryAfterSeconds: number; isNetwork: boolean }>

/** Throws a RegistrationError that names the faulty member. */
export async function registerClient(
  act: Act,
  metadata: ClientMetadata,
  { openTo, limits, privateUseSchemes }: Rules,
): Promise<Outcome> {
  const authMethod = methodOf(metadata, openTo !== null)
  const fields = await fieldsFor(authMethod, metadata)
  const redirectUris = redirectsFor(authMethod, metadata, privateUseSchemes)
  const grantTypes = grantsFor(authMethod, metadata)
  requireSound({ ...fields, redirectUris: [], grantTypes: [] })
  const waits = openTo !== null && authMethod !== 'none'
  const { allowed, requested } = withoutApproval(
    { grantTypes, scopes: metadata.scopes },
    {
      freeGrants: waits ? [] : GRANT_TYPES,
      declared: await act.ports.scopes.selfRegistration(),
    },
  )
  const lists = { redirectUris, ...allowed }
  const clientSecret = usesSecret(authMethod) ? mintToken('clientSecret') : null
  const token = mintToken('registration')
  const client = {
    clientId: randomId(),
    secretDigest: clientSecret === null ? null : await hexDigest(clientSecret),
    ...{ fields, lists, mode: 'allow' as const },
    selfRegistered: { kind: 'registration' as const, requested },
  }
  const detail = {
    ...auditDetailOf({ fields, lists, mode: 'authorize' }),
    requested: [...requested.grantTypes, ...requested.scopes],
  }
  const open =
    openTo === null
      ? null
      : {
          network: await digest(JSON.stringify(['registrations', openTo])),
          requestDigest: await digest(JSON.stringify([openTo, fields, lists, requested])),
          limits,
        }
  const registration = { client, tokenDigest: await tokenDigestOf(token), open }
  const { registrations } = act.ports
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    // The secret of an earlier registration is no longer known.
    const known =
      open && clientSecret === null
        ? await registrations.findDuplicate(open.requestDigest, authorOf(act))
        : null
    if (known) return { kind: 'registered', record: known, clientSecret: null, token: null }
    const outcome = await registrations.register(registration, authorOf(act), detail)
    if (outcome.kind === 'registered') return { ...outcome, clientSecret, token }
    if (outcome.kind === 'too_many') return outcome
  }
  throw new Error('other requests registered and deleted the same client at the same time')
}

/** The next token, if the presented token is the client's; otherwise null. */
export async function useRegistrationToken(
  { ports }: Pick<Act, 'ports'>,
  clientId: string,
  presented: string,
): Promise<string | null> {
  if (!isWellFormed('registration', presented)) return null
  const after = async (salt: string) => {
    const [secret = ''] = await deriveTexts(presented, salt, 'registration access token', 1)
    return tokenOf('registration', secret)
  }
  const salt = randomText()
  const next = await after(salt)
  const used = await ports.registrations.useToken(clientId, {
    presented: await tokenDigestOf(presented),
    next: await tokenDigestOf(next),
    salt,
  })
  if (used === null) return null
  return used === salt ? next : after(used)
}
