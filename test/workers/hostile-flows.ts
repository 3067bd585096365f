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
  wrongSecret,
} from './hostile-client-flows.ts'
import { byAssertion, byProof, spentCode, spentRefresh } from './hostile-replay-flows.ts'
import { type Flow, fixtures } from './hostile-story.ts'
import { authorizePath, PKCE, requestOf, signIn, withChallenge } from './registry.ts'

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
  refreshAgain,
  revokeAccess,
  revokeRefresh,
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
  spentCode,
  spentRefresh,
  wrongSecret,
  health,
]
