/** The operator clients that `npm start` creates when it prepares a state. */

import { rm, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lifetimesOf, readSettings } from '../../src/config.ts'
import { hexDigest } from '../../src/crypto/digest.ts'
import { type ClientRecord, liveCredentials } from '../../src/domain/client.ts'
import { REGISTRY_SCOPES } from '../../src/domain/registry-scopes.ts'
import { prepareDemo } from '../../src/local/demo.ts'
import {
  COMMAND_LINE_ID,
  credentialFile,
  OPERATOR_ID,
  prepareOperators,
  readCredential,
} from '../../src/local/operators.ts'
import { CONFIG_PATHS } from '../../src/local/project.ts'
import { openState } from '../../src/local/state.ts'
import { readWranglerConfig } from '../../src/local/wrangler-config.ts'
import { type RegistrationPorts, registrationPorts } from '../../src/stores/registration.ts'
import { dump } from './command-line.ts'
import { migratedState } from './migrated-state.ts'

type State = Awaited<ReturnType<typeof openState>>

let stateDir = ''
let file = ''
let state: State
let ports: RegistrationPorts

beforeAll(async () => {
  stateDir = await migratedState()
  file = credentialFile(stateDir)
  state = await openState(stateDir, readWranglerConfig(CONFIG_PATHS.registry))
  const lifetimes = lifetimesOf(readSettings({ ISSUER: 'http://127.0.0.1:1' }))
  ports = registrationPorts(state.db, state.sessions, lifetimes)
})
afterAll(async () => {
  await state.close()
  await rm(stateDir, { recursive: true, force: true })
})

const now = () => Math.floor(Date.now() / 1000)
const prepare = () => prepareOperators(ports, stateDir, now())
const found = async (clientId: string) => (await ports.clients.find(clientId)) as ClientRecord

/** Fails unless the secret in the file is valid for the client, and the client may administer without a user. */
async function expectWorks() {
  const { clientId, clientSecret } = (await readCredential(file)) ?? {}
  expect(clientId).toBe(OPERATOR_ID)
  const client = await found(OPERATOR_ID)
  const digests = liveCredentials(client, now()).map(({ secretDigest }) => secretDigest)
  expect(digests).toEqual([await hexDigest(clientSecret ?? '')])
  expect(client).toMatchObject({
    disabledAt: null,
    authMethod: 'client_secret',
    requireDpop: false,
    scopes: ['registry:admin'],
    grantTypes: ['client_credentials'],
  })
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
}

beforeEach(async () => {
  await state.db.prepare('DELETE FROM client').run()
  await rm(file, { force: true })
  await prepare()
})

describe('the operator clients', () => {
  it('npm start creates an operator with registry:admin, its credential file and the public client of the command line once', async () => {
    await expectWorks()
    expect(await found(COMMAND_LINE_ID)).toMatchObject({
      authMethod: 'none',
      requirePkce: true,
      requireDpop: true,
      redirectUris: ['http://127.0.0.1/callback'],
      grantTypes: ['authorization_code', 'refresh_token'],
      scopes: [...REGISTRY_SCOPES].sort(),
      credentials: [],
    })
    const before = await dump(state.db)
    await prepare()
    expect(await dump(state.db)).toEqual(before)
  })

  it('npm start creates the demo in a state that has only operator clients', async () => {
    const demo = await prepareDemo(state.db, stateDir, now())
    expect(demo).not.toBeNull()
    // Control: a second call creates no other demo.
    expect(await prepareDemo(state.db, stateDir, now())).toEqual(demo)
  })
})

const damages: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['whose file is lost', () => rm(file)],
  ['whose file is half written', () => writeFile(file, '{"client_id":')],
  [
    'whose file names another client',
    () => writeFile(file, '{"client_id":"x","client_secret":"y"}'),
  ],
  ['that was disabled', () => state.db.prepare('UPDATE client SET disabled_at = 1').run()],
  [
    'whose secret expired',
    () => state.db.prepare('UPDATE client_credential SET expires_at = 1').run(),
  ],
  [
    'that lost its scope',
    () =>
      state.db.prepare(`DELETE FROM client_authorization WHERE client_id = '${OPERATOR_ID}'`).run(),
  ],
  ['that lost its grant type', () => state.db.prepare('DELETE FROM client_grant_type').run()],
  [
    'that became public',
    () =>
      state.db.batch([
        state.db.prepare(`UPDATE client SET auth_method = 'none', require_dpop = 1`),
        state.db.prepare('DELETE FROM client_credential'),
      ]),
  ],
  ['that was deleted', () => state.db.prepare('DELETE FROM client').run()],
]

it.each(damages)(
  'npm start repairs an operator %s, and writes an audit row',
  async (_name, damage) => {
    const entries = () => state.db.prepare('SELECT count(*) AS n FROM audit').first<number>('n')
    await damage()
    const before = (await entries()) ?? 0
    await prepare()
    await expectWorks()
    expect(await entries()).toBeGreaterThan(before)
  },
)
