/** Client libraries of others against a running registry. */

import { afterAll, beforeAll } from 'vitest'
import { describeLibrary } from './client-library-suite.ts'
import { oauth4webapi } from './oauth4webapi.ts'
import { openidClient } from './openid-client.ts'
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

describeTokenLibrary('oauth4webapi', oauth4webapi, () => running)
describeTokenLibrary('openid-client', openidClient, () => running)

leavesNoSecret(() => running, {
  ...{ secrets: 120, line: 10, row: 140, key: 30, value: 30, file: 20, answer: 110 },
})
