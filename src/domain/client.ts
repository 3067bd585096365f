/** An API client as the registry stores it, and the rules about the client's own state. */

import type { Approval } from './client-approval.ts'
import type { DocumentState } from './client-document.ts'
import type { Listing } from './directory.ts'
import type { ClientId, RegisteredRedirectUri, SecretDigest } from './ids.ts'
import type { Resource } from './resource.ts'

export const GRANT_TYPES = ['client_credentials', 'authorization_code', 'refresh_token'] as const
export type GrantType = (typeof GRANT_TYPES)[number]

/**
 * How a request authenticates a client: the names of RFC 7591 §2, with the preferred name first. RFC 6749 §2.3.1: the server
 * MUST support Basic for a client with a secret, so programs that read no metadata begin with Basic.
 */
export const REQUEST_AUTH_METHODS = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const
export type RequestAuthMethod = (typeof REQUEST_AUTH_METHODS)[number]

/** The method that a client is registered with. `client_secret` allows both Basic and the body. */
export const AUTH_METHODS = ['client_secret', ...REQUEST_AUTH_METHODS] as const
export type AuthMethod = (typeof AUTH_METHODS)[number]
export const DEFAULT_AUTH_METHOD: AuthMethod = 'client_secret'

/** A secret of a client. After a rotation with an overlap the client has several. Instants in epoch seconds. */
export type Credential = Readonly<{
  secretDigest: SecretDigest
  createdAt: number
  expiresAt: number | null
  lastUsedAt: number | null
}>

/** How a client registered itself: by a document at its id, or by a request (RFC 7591). */
export const SELF_REGISTRATIONS = ['document', 'registration'] as const

export type SelfRegistered = Readonly<{
  kind: (typeof SELF_REGISTRATIONS)[number]
  /** Epoch seconds with the precision of a day: when the client last got a token; null if never. */
  usedAt: number | null
  /** The scopes of the client that an operator authorized. The client has its other scopes without approval. */
  approvedScopes: readonly string[]
}>

/** A client with its authorized permissions only, without the requested ones. Instants in epoch seconds. */
export type Client = Readonly<{
  clientId: ClientId
  name: string
  ownerId: string
  url: string
  description: string
  authMethod: AuthMethod
  requirePkce: boolean
  /** RFC 9449 §5.2: the client's tokens are always bound to a key. */
  requireDpop: boolean
  /**
   * JSON Web Key Set (RFC 7517) as JSON text; null unless the client authenticates with `private_key_jwt`. With a `jwksUri`
   * this is what was last read there; null before the first read.
   */
  jwks: string | null
  /** Does the client have a `jwksUri`? */
  publishesKeys: boolean
  mayIntrospect: boolean
  /** Lifetime of the client's access tokens, at most the deployment's; null for the deployment's. */
  accessTokenLifetimeSeconds: number | null
  disabledAt: number | null
  redirectUris: readonly RegisteredRedirectUri[]
  credentials: readonly Credential[]
  scopes: readonly string[]
  grantTypes: readonly GrantType[]
  endorsements: readonly string[]
  /** Null for a client that an operator registered. */
  selfRegistered: SelfRegistered | null
  /** Null if the client has no metadata document. */
  document: DocumentState | null
  /** URIs of the resources (RFC 8707) that the client's tokens are for if a request names none. */
  defaultResources: readonly string[]
  /** The declared ones among the client's default resources and the resources that the request names or was granted. */
  resources: readonly Resource[]
  /** When the client was read: epoch milliseconds by D1's clock. */
  readAtMs: number
}>

/** A permission that a client requested or has. Instants in epoch seconds. */
export type Permission = Readonly<{
  kind: 'scope' | 'grant_type' | 'endorsement'
  value: string
  requestedAt: number
  /** Null if the permission is only requested. */
  authorizedAt: number | null
}>

/** The values of `application_type` (OpenID Connect Dynamic Client Registration 1.0 §2). The first is the default. */
export const APPLICATION_TYPES = ['web', 'native'] as const

/** What a client says of itself (RFC 7591 §2), for people. A text is empty if the client does not give it. */
export type ClientDetails = Readonly<{
  logoUri: string
  tosUri: string
  policyUri: string
  contacts: readonly string[]
  softwareId: string
  softwareVersion: string
  applicationType: (typeof APPLICATION_TYPES)[number]
  jwksUri: string
}>

export const NO_DETAILS: ClientDetails = {
  logoUri: '',
  tosUri: '',
  policyUri: '',
  contacts: [],
  softwareId: '',
  softwareVersion: '',
  applicationType: 'web',
  jwksUri: '',
}

/**
 * The last time that a permission was declined or withdrawn. An administrator declines what was requested and withdraws what
 * was authorized; an owner takes back what was authorized. Instants in epoch seconds.
 */
export type Decision = Permission &
  Readonly<{
    decision: 'declined' | 'withdrawn' | 'taken_back'
    decidedAt: number
    /** The text that the owners see; '' if there is none. */
    reason: string
  }>

/** An owner's offer of the client to another user. The offer gives no right. Instants in epoch seconds. */
export type OwnershipOffer = Readonly<{
  userId: string
  offeredBy: string
  offeredAt: number
  /** Null if the user has not declined. */
  declinedAt: number | null
}>

/** A client as its administrator sees it. Instants in epoch seconds. */
export type ClientRecord = Client &
  ClientDetails &
  Readonly<{
    /** Can the client read, change and delete its own registration (RFC 7592)? */
    hasRegistrationToken: boolean
    permissions: readonly Permission[]
    /** At most one decision for each permission. */
    decisions: readonly Decision[]
    /** When a decision last gave the client a permission; null if none is known. */
    approval: Approval | null
    /** Ids of the users who manage the client besides `ownerId`. The longest owner comes first. */
    furtherOwners: readonly string[]
    /** The offers that are younger than `KEEP_OFFERS_SECONDS`. Their users are not owners. */
    offers: readonly OwnershipOffer[]
    /** Ids of the users who have been owners of the client. Some of them may be owners again. */
    formerOwners: readonly string[]
    /** True if an owner disabled the client; an owner may then enable it again. */
    isDisabledByOwner: boolean
    /** Null if no owner asks for a listing in the directory. */
    listing: Listing | null
    undeclaredScopes: readonly string[]
    createdAt: number
    updatedAt: number
    /** Every act of an administrator raises the version. */
    version: number
  }>

export type ClientFields = Pick<
  Client,
  | 'name'
  | 'ownerId'
  | 'url'
  | 'description'
  | 'authMethod'
  | 'requirePkce'
  | 'requireDpop'
  | 'jwks'
  | 'mayIntrospect'
  | 'accessTokenLifetimeSeconds'
> &
  ClientDetails
export type PermissionLists = Readonly<
  Partial<Record<'scopes' | 'grantTypes' | 'endorsements', readonly string[]>>
>
export type ClientLists = PermissionLists &
  Readonly<{
    redirectUris?: readonly string[]
    defaultResources?: readonly string[]
    furtherOwners?: readonly string[]
  }>

/** A client of another registry, with its dates in epoch seconds. No permission and no digest occurs twice. */
export type ImportedClient = Readonly<{
  clientId: string
  fields: ClientFields
  redirectUris: readonly string[]
  permissions: readonly Permission[]
  credentials: readonly Omit<Credential, 'lastUsedAt'>[]
  createdAt: number
  /** Null if the client is enabled. */
  disabledAt: number | null
}>

/** The limit also counts open and declined offers together with further owners. */
export const MAX_FURTHER_OWNERS = 20

/** How long an offer can be accepted, and how long a user who declined gets no new offer of the same client. */
export const KEEP_OFFERS_SECONDS = 30 * 86_400

/** '' is not a user: a client that registered itself has no owner. */
export const isOwnedBy = (
  { ownerId, furtherOwners }: Pick<ClientRecord, 'ownerId' | 'furtherOwners'>,
  userId: string,
) => userId !== '' && (ownerId === userId || furtherOwners.includes(userId))

export const isOffered = ({ offers }: Pick<ClientRecord, 'offers'>, userId: string) =>
  offers.some((offer) => offer.userId === userId && offer.declinedAt === null)

/** A former owner is involved too, because a former owner may still have the client's secret. */
export const isInvolved = (client: ClientRecord, userId: string) =>
  isOwnedBy(client, userId) || isOffered(client, userId) || client.formerOwners.includes(userId)

export const isEnabled = (holder: { readonly disabledAt: number | null }) =>
  holder.disabledAt === null

export const usesSecret = (method: AuthMethod) => method.startsWith('client_secret')

/** RFC 6749 §2.3: may a client that is registered for `registered` authenticate by `used`? */
export const acceptsMethod = (registered: AuthMethod, used: RequestAuthMethod) =>
  registered === used || (registered === 'client_secret' && usesSecret(used))

/** RFC 6749 §10.10: a guess MUST NOT succeed with a probability above 2^-128, which is 32 hexadecimal digits. */
const MIN_SECRET_CHARACTERS = 32
const MIN_DIFFERENT_CHARACTERS = 8

/** Reads only as much of the text as needed. */
function hasManyCharacters(text: string): boolean {
  const seen: string[] = []
  for (const character of text) {
    if (!seen.includes(character) && seen.push(character) === MIN_DIFFERENT_CHARACTERS) return true
  }
  return false
}

/**
 * May a person have chosen this secret? Only an imported client can have one that was not generated here. Such a secret is
 * never compared, so no number of guesses finds it, and clients need no lockout that strangers could abuse.
 */
export const canBeGuessed = (secret: string) =>
  secret.length < MIN_SECRET_CHARACTERS || !hasManyCharacters(secret)

/** RFC 6749 §2.1: a public client cannot keep a secret. */
export const isPublic = (client: Client) => client.authMethod === 'none'

/** Which clients must use PKCE (`REQUIRE_PKCE`): those without a secret (RFC 9700 §2.1.1), or all (OAuth 2.1). */
export type PkcePolicy = 'public' | 'all'

export const mustUsePkce = ({ client, policy }: Readonly<{ client: Client; policy: PkcePolicy }>) =>
  policy === 'all' || client.requirePkce || isPublic(client)

/** Which grants of a client that may refresh include a refresh token (`ISSUE_REFRESH_TOKENS`). */
export type RefreshPolicy = 'always' | 'offline_access'

export const getsRefreshToken = (
  { grantTypes }: Pick<Client, 'grantTypes'>,
  offlineAccess: boolean,
  policy: RefreshPolicy,
) => grantTypes.includes('refresh_token') && (policy === 'always' || offlineAccess)

export const accessTokenLifetimeOf = (
  { accessTokenLifetimeSeconds }: Pick<Client, 'accessTokenLifetimeSeconds'>,
  longestSeconds: number,
) => Math.min(accessTokenLifetimeSeconds ?? longestSeconds, longestSeconds)

export const liveCredentials = (client: Client, now: number) =>
  client.credentials.filter(({ expiresAt }) => expiresAt === null || now < expiresAt)
