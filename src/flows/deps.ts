/** What flows are given: stores by what they promise, settings by name, and the context of one request. */

import type { SigningKeys } from '../crypto/signing-keys.ts'
import type { PkcePolicy, RefreshPolicy } from '../domain/client.ts'
import type { DocumentPolicy } from '../domain/document-host.ts'
import type { Checking } from '../protocol/checks.ts'
import type { ClientDocuments } from '../protocol/client-documents.ts'
import type { ScopePolicy } from '../protocol/scope-parameter.ts'
import type { AuthorizationStore } from '../stores/authorizations.ts'
import type { ClientCache } from '../stores/client-cache.ts'
import type { ClientStore } from '../stores/clients.ts'
import type { CodeStore } from '../stores/codes.ts'
import type { ConnectedApplicationStore } from '../stores/connected-applications.ts'
import type { KnownBrowserStore } from '../stores/known-browsers.ts'
import type { LiveSessions, SessionStore } from '../stores/live-sessions.ts'
import type { RefreshTokenStore } from '../stores/refresh-tokens.ts'
import type { RevocationStore } from '../stores/revocations.ts'
import type { SupportedStore } from '../stores/scope-catalogue.ts'
import type { SignInFailureStore } from '../stores/sign-in-failures.ts'
import type { JtiStore } from '../stores/used-jtis.ts'
import type { UserStore } from '../stores/users.ts'

export type Deps = Readonly<{
  clients: ClientStore
  clientCache: ClientCache
  codes: CodeStore
  connectedApplications: ConnectedApplicationStore
  authorizations: AuthorizationStore
  sessions: SessionStore
  signInFailures: SignInFailureStore
  knownBrowsers: KnownBrowserStore
  liveSessions: LiveSessions
  refreshTokens: RefreshTokenStore
  usedJtis: JtiStore
  revocations: RevocationStore
  users: UserStore
  supported: SupportedStore
  documents: ClientDocuments
  clientDocuments: DocumentPolicy
  issuer: string
  /** Null if nothing can be signed. */
  signingKeys: SigningKeys | null
  /** True if an external accounts service signs users in: a user then need not be registered here. */
  usersAreExternal: boolean
  codeLifetimeSeconds: number
  codeRetrySeconds: number
  /** The lifetime of access tokens. */
  sessionLifetimeSeconds: number
  browserSessionLifetimeSeconds: number
  refreshLifetimeSeconds: number
  refreshIdleSeconds: number
  issueRefreshTokens: RefreshPolicy
  requirePkce: PkcePolicy
  scopePolicy: ScopePolicy
  /** Schemes without a dot that redirect URIs may have. */
  privateUseSchemes: readonly string[]
  refreshRetrySeconds: number
  dpopRefreshRetrySeconds: number
  checking?: Checking['checking']
}>

/** One request: the part of it that flows and routes may use. */
export type RequestContext = Readonly<{
  /** The correlation id, short and random: a refusal shows it, and every line of the log about this request has it. */
  correlationId: () => string
  /** Epoch seconds. */
  now: number
  /** The same moment in epoch milliseconds. */
  nowMs: number
  /** Empty if Cloudflare is not in front. */
  ipAddress: string
  /** Runs work that must not delay the answer and whose loss is harmless. */
  defer: (work: Promise<unknown>) => void
  /** Writes one line to the log, with the correlation id of the request. `fault` is any value that was thrown. */
  log: (event: string, line: Readonly<Record<string, unknown>>) => void
}>
