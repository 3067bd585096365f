/** Third-party client libraries against a running registry. */

import { ClientCredentials } from 'simple-oauth2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeLibrary } from './client-library-suite.ts'
import { oauth4webapi } from './oauth4webapi.ts'
import { openidClient } from './openid-client.ts'
import { describePromptingLibrary } from './prompting-library-suite.ts'
import {
  leavesNoSecret,
  type RecordedRegistry,
  startRecordedRegistry,
} from './recorded-registry.ts'
import { simpleOauth2 } from './simple-oauth2.ts'
import { describeTokenLibrary } from './token-library-suite.ts'

let running: RecordedRegistry

beforeAll(async () => {
  running = await startRecordedRegistry()
})

afterAll(() => running?.end())

describeLibrary('oauth4webapi', oauth4webapi, () => running)
describeLibrary('openid-client', openidClient, () => running)
describeLibrary('simple-oauth2', simpleOauth2, () => running)

it('simple-oauth2 revokes an access token, although it parses the empty response as JSON', async () => {
  const { clientId, clientSecret } = running.demo
  const library = new ClientCredentials({
    client: { id: clientId, secret: clientSecret },
    auth: { tokenHost: running.registry, tokenPath: '/token', revokePath: '/revoke' },
    options: { authorizationMethod: 'header' },
  })
  const token = await library.getToken({ scope: 'public:read' })
  const statusOf = async () => {
    const headers = { Authorization: `Bearer ${token.token.access_token}` }
    return (await fetch(`${running.authenticator}/auth`, { headers })).status
  }
  expect(await statusOf()).toBe(200)
  await token.revoke('access_token')
  expect(await statusOf()).toBe(401)
})

describePromptingLibrary('oauth4webapi', oauth4webapi, () => running)
describePromptingLibrary('openid-client', openidClient, () => running)

describeTokenLibrary('oauth4webapi', oauth4webapi, () => running)
describeTokenLibrary('openid-client', openidClient, () => running)

leavesNoSecret(() => running, {
  ...{ secrets: 120, line: 10, row: 140, key: 30, value: 30, file: 20, answer: 110 },
})
