/** The records in our own stores before anything is measured: a client, a user, codes and sessions. */

import { digest } from '../../src/crypto/digest.ts'
import { signWith } from '../../src/crypto/signed-jwt.ts'
import { readSigningKeys } from '../../src/crypto/signing-keys.ts'
import { mintToken } from '../../src/crypto/token.ts'
import type { AuthorizationCode } from '../../src/domain/authorization-code.ts'
import type { Client } from '../../src/domain/client.ts'
import type {
  ApprovedRedirectUri,
  ClientId,
  RegisteredRedirectUri,
  SessionKey,
  TokenDigest,
} from '../../src/domain/ids.ts'
import { MAX_SIGNED_TOKEN_SECONDS, NO_AUDIENCE, type Resource } from '../../src/domain/resource.ts'
import { type SessionRecord, sessionRecord } from '../../src/domain/session.ts'
import type { RegisteredUser } from '../../src/domain/user.ts'
import { ACCESS_TOKEN_TYP, accessTokenClaims } from '../../src/protocol/access-token.ts'
import type { AuthorizationStore } from '../../src/stores/authorizations.ts'
import type { SessionStore } from '../../src/stores/live-sessions.ts'
import {
  CALLBACK,
  CLIENT,
  ENDORSEMENTS,
  GRANTED_SCOPES,
  ISSUER,
  PKCE,
  SCOPES,
  SERVICE,
  SIGNED_TOKEN_SECONDS,
  SIGNING_KEYS,
  USER,
} from '../subject.ts'

export const SESSION_SECONDS = 7200
const CODE_SECONDS = 3600

/** The client as the database has it, without the id and the secret. */
export const exampleClient = (clientId: string): Client => ({
  ...CLIENT,
  clientId: clientId as ClientId,
  redirectUris: CLIENT.redirectUris as string[] as RegisteredRedirectUri[],
  authMethod: 'client_secret_post',
  requirePkce: true,
  requireDpop: false,
  jwks: null,
  publishesKeys: false,
  mayIntrospect: false,
  accessTokenLifetimeSeconds: null,
  disabledAt: null,
  credentials: [],
  scopes: SCOPES,
  grantTypes: ['client_credentials', 'authorization_code'],
  endorsements: ENDORSEMENTS,
  selfRegistered: null,
  document: null,
  defaultResources: [],
  resources: [],
  readAtMs: Date.now(),
})

/** A resource with signed access tokens. */
export const exampleService = (): Resource => ({
  uri: SERVICE,
  name: 'Service',
  scopes: SCOPES,
  accessTokenLifetimeSeconds: SIGNED_TOKEN_SECONDS,
  requireDpop: false,
  requirePkce: false,
  selfRegistered: false,
  tokenFormat: 'jwt',
  declaredAtMs: Date.now(),
})

export const exampleUser = (userId: string): RegisteredUser => ({
  userId,
  ...USER,
  disabledAt: null,
  readAtMs: Date.now(),
})

export function exampleCode(
  clientId: string,
  user: RegisteredUser,
  forSigned = false,
): AuthorizationCode {
  const now = Math.floor(Date.now() / 1000)
  const { userId, username, email } = user
  return {
    ...(forSigned ? { audience: [SERVICE], audienceReadAtMs: Date.now() } : NO_AUDIENCE),
    clientId: clientId as ClientId,
    user: { userId, username, email, scopes: GRANTED_SCOPES, endorsements: ENDORSEMENTS },
    redirectUri: CALLBACK as ApprovedRedirectUri,
    redirectUriSent: true,
    codeChallenge: PKCE.challenge,
    dpopJkt: null,
    issuedAt: now,
    expiresAt: now + CODE_SECONDS,
  }
}

/** The conditions for the redemption of an example code, as `termsJson` makes them. */
export const TERMS = JSON.stringify({
  scopes: GRANTED_SCOPES,
  usersAreExternal: false,
  proof: null,
  redirectUri: CALLBACK as ApprovedRedirectUri,
})

const newSession = (client: Client, user: RegisteredUser) => ({
  sessionId: crypto.randomUUID(),
  nonce: 'n'.repeat(43),
  user,
  client,
  redirectUri: CALLBACK as ApprovedRedirectUri,
  scopes: GRANTED_SCOPES,
  endorsements: ENDORSEMENTS,
  audience: [] as readonly string[],
  ipAddress: '',
  jkt: null,
  asOfMs: Date.now(),
  startAtMs: Date.now(),
  lifetimeSeconds: SESSION_SECONDS,
})

export const exampleSession = (client: Client, user: RegisteredUser): SessionRecord =>
  sessionRecord(newSession(client, user))

export const signingKeys = readSigningKeys(SIGNING_KEYS)

/** The claims of a token that is valid for a whole run, because it is checked many times. */
export const claimsToCheck = (client: Client, user: RegisteredUser) =>
  accessTokenClaims(
    { ...newSession(client, user), audience: [SERVICE], lifetimeSeconds: MAX_SIGNED_TOKEN_SECONDS },
    ISSUER,
  )

export const mintSigned = (client: Client, user: RegisteredUser) =>
  signWith(signingKeys, ACCESS_TOKEN_TYP, claimsToCheck(client, user))

/** Stores a new code with the store's own code. `keyOf` gives its storage key. */
export async function mintCode(
  authorizations: AuthorizationStore,
  code: AuthorizationCode,
  keyOf: (code: string) => Promise<string> = digest,
): Promise<string> {
  const text = mintToken('authorizationCode')
  const kvFault = await authorizations.grant((await keyOf(text)) as TokenDigest, code, null, 0)
  if (kvFault) throw kvFault
  return text
}

/** Stores a new session with the store's own code. */
export async function mintSession(
  sessions: SessionStore,
  session: SessionRecord,
  keyOf: (token: string) => Promise<string> = digest,
): Promise<string> {
  const token = mintToken('accessToken')
  await sessions.put((await keyOf(token)) as SessionKey, session, SESSION_SECONDS)
  return token
}
