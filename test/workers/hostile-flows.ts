/** Every flow, for the tests on a hostile platform. */

import { authFlows, boundFlow, withProof } from './hostile-auth-flows.ts'
import {
  consentAnswered,
  consentRefused,
  consentRemembered,
  loginFlow,
  loginPage,
  logout,
  pageFlow,
  removal,
  wrongPassword,
} from './hostile-browser-flows.ts'
import {
  clientCredentials,
  codeFlow,
  codeForResource,
  firstOfTheDay,
  health,
  introspectFlow,
  refreshAgain,
  refreshFlow,
  refreshForResource,
  revokeAccess,
  revokeRefresh,
  signedCredentials,
  wrongSecret,
} from './hostile-client-flows.ts'
import { directoryFlows } from './hostile-directory-flows.ts'
import { newDocumentPage, refreshByDocument } from './hostile-document-flows.ts'
import { portalFlows } from './hostile-portal-flows.ts'
import { byAssertion, byProof, spentCode, spentRefresh } from './hostile-replay-flows.ts'
import { type Flow, fixtures } from './hostile-story.ts'
import { authorizePath, PKCE, requestOf, signIn, withChallenge } from './registry.ts'

const signed = () => fixtures.signedClient
/** The same flows with signed access tokens. */
const signedFlows: readonly Flow[] = [
  signedCredentials,
  codeFlow('code exchange for a signed token', signed, withChallenge, {
    code_verifier: PKCE.verifier,
  }),
  refreshFlow('refresh of a signed token', signed),
  refreshAgain('refresh of a signed token once more after a lost response', signed),
  revokeAccess('revoke a signed access token', signed),
  revokeRefresh('revoke a refresh token with signed access tokens', signed),
  introspectFlow('access', false, signed, 'signed access'),
  introspectFlow('access', true, signed, 'signed access'),
  spentCode('a spent code of a signed token, shown again', signed),
  spentRefresh('a spent refresh token with signed access tokens, shown again', signed),
]

export const flows: readonly Flow[] = [
  clientCredentials,
  firstOfTheDay,
  pageFlow(
    'GET /authorize, the consent page',
    'Allow access to your account?',
    () => authorizePath(requestOf(fixtures.client, { scope: 'public:read' })),
    () => 'Example client',
  ),
  consentRemembered,
  consentAnswered,
  consentRefused,
  codeFlow('code exchange without refresh', () => fixtures.plainClient, {}, {}),
  codeFlow('code exchange with refresh', () => fixtures.client, withChallenge, {
    code_verifier: PKCE.verifier,
  }),
  codeForResource,
  refreshForResource,
  refreshFlow('refresh', () => fixtures.client),
  refreshFlow('refresh by a public client', () => fixtures.publicClient),
  refreshAgain('refresh once more after a lost response', () => fixtures.publicClient),
  revokeAccess('revoke an access token', () => fixtures.client),
  revokeRefresh('revoke a refresh token', () => fixtures.client),
  ...signedFlows,
  introspectFlow('access', false),
  introspectFlow('access', true),
  introspectFlow('refresh', false),
  introspectFlow('refresh', true),
  loginPage,
  loginFlow('login', async () => ''),
  loginFlow('login over another session', () => signIn(fixtures.user)),
  wrongPassword,
  logout,
  pageFlow(
    'GET /account',
    'Connected applications',
    () => '/account',
    () => 'Example client',
  ),
  removal,
  newDocumentPage,
  refreshByDocument,
  ...portalFlows,
  ...directoryFlows,
  ...authFlows,
  boundFlow('/auth'),
  boundFlow('/auth?fresh'),
  byAssertion,
  byProof,
  refreshFlow(
    'refresh with a DPoP proof by a public client',
    () => fixtures.publicClient,
    withProof,
  ),
  spentCode('a spent code, shown again', () => fixtures.client),
  spentRefresh('a spent refresh token, shown again', () => fixtures.publicClient),
  wrongSecret,
  health,
]
