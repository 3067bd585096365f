/** Every page of the portal with content: its accessibility tree, which is stored in trees/, and its appearance. */

import type { Page } from 'playwright-core'
import { beforeAll, describe } from 'vitest'
import { expectHeading } from './fixtures.ts'
import { type Person, type Registry, startRegistry } from './registry.ts'
import { askInOrder, type Scene, testScenes } from './scenes.ts'

const CALLBACK = 'https://reading.example/callback'
const PUBLIC_KEY =
  '{"keys":[{"kty":"EC","crv":"P-256","kid":"key-1","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}'

/** A new registry, so that the pages show only these scenes. */
let registry: Registry
let ada: Person
/** A user who was offered a client. */
let bea: Person
/** An approver. */
let olga: Person
let ids: Readonly<Record<'shared' | 'alone' | 'signing' | 'disabled' | 'offered', string>>

const create = async (name: string, ...more: string[]) => {
  const { user_id } = await registry.admin('user', 'show', 'ada')
  const described = ['--name', name, '--owner', String(user_id), ...more]
  return String((await registry.admin('client', 'create', ...described)).client_id)
}

beforeAll(async () => {
  registry = await startRegistry()
  const scope = (name: string, sentence: string, ...more: string[]) =>
    registry.admin('scope', 'create', name, '--sentence', sentence, ...more)
  await scope('shelf:read', 'Read what is on your shelf', '--self-registered')
  await scope('shelf:write', 'Change what is on your shelf', '--sensitive')
  await scope('shelf:lend', 'Lend what is on your shelf')
  await scope('shelf:burn', 'Remove your shelf')
  const shelf = [
    'https://shelf.example',
    '--name',
    'The shelf',
    '--scope',
    'shelf:read shelf:write',
  ]
  await registry.admin('resource', 'create', ...shelf)
  ada = await registry.registerUser({ username: 'ada' })
  bea = await registry.registerUser({ username: 'bea' })
  await registry.registerUser({ username: 'cy' })
  olga = await registry.registerUser({ username: 'olga', scopes: ['registry:approve'] })
  const idOf = async (name: string) => String((await registry.admin('user', 'show', name)).user_id)
  const users = ['--redirect-uri', CALLBACK, '--grant-type', 'authorization_code']
  const asked = ['--scope', 'shelf:write shelf:lend shelf:burn', '--requested-only']
  const shared = await create('Reading list', '--further-owner', await idOf('bea'), ...users)
  await registry.admin('client', 'update', shared, ...asked)
  await registry.admin('client', 'authorize', shared, '--scope', 'shelf:read shelf:lend')
  const reason = ['--reason', 'A reading list removes nothing.']
  await registry.admin('client', 'withdraw', shared, '--scope', 'shelf:burn', ...reason)
  const keys = ['--auth-method', 'private_key_jwt', '--jwks', PUBLIC_KEY]
  const signing = await create('Nightly job', ...keys, '--grant-type', 'client_credentials')
  const disabled = await create('Old reader', ...users)
  await registry.admin('client', 'disable', disabled)
  const offered = await create('Book club', ...users)
  await registry.admin('client', 'update', offered, '--scope', 'shelf:lend', '--requested-only')
  await askInOrder(registry, [shared, offered])
  await registry.insert(
    `INSERT INTO client_owner_offer (client_id, user_id, offered_by, offered_at, declined_at)
      VALUES (?1, ?2, ?3, unixepoch() - iif(?4, 0, 60), iif(?4, unixepoch(), NULL))`,
    [
      [offered, await idOf('bea'), await idOf('ada'), 0],
      [offered, await idOf('cy'), await idOf('ada'), 1],
    ],
  )
  ids = { shared, signing, disabled, offered, alone: await create('Alone', ...users) }
  return registry.end
})

/** A scene of the owner. */
const page = (name: string, path: () => string, heading: string, act?: Scene['act']): Scene => ({
  name,
  path,
  heading,
  who: () => ada,
  ...(act && { act }),
})
const of =
  (which: keyof typeof ids, path = '') =>
  () =>
    `/clients/${ids[which]}${path}`

async function check(at: Page, request: string) {
  await at.getByLabel('Request', { exact: true }).fill(request)
  await at.getByRole('button', { name: 'Check', exact: true }).click()
  await at.getByRole('heading', { name: 'Result' }).waitFor()
  await at.locator('summary', { hasText: 'What was read' }).click()
}

const SCENES: readonly Scene[] = [
  page('list', () => '/clients', 'Your clients'),
  page('owners-with-offers', of('offered', '/owners'), 'Owners'),
  page('leave-before-an-answer', of('offered', '/leave'), 'Leave this client?'),
  page(
    'register',
    () => '/new-client',
    'Register a client',
    async (at) => {
      await at.locator('summary').click()
    },
  ),
  page(
    'register-mistakes',
    () => '/new-client',
    'Register a client',
    async (at) => {
      await at.getByLabel('Redirect URIs').fill('http://reading.example/callback')
      await at.locator('summary').click()
      await at.getByLabel(/^Public keys/).fill('{"keys": []}')
      await at.getByLabel(/^Address of the public keys/).fill('https://reading.example/jwks.json')
      await at.getByRole('button', { name: 'Register' }).click()
      await at.getByRole('alert').waitFor()
    },
  ),
  page('client', of('shared'), 'Your client', async (at) => {
    await at.locator('summary', { hasText: 'openid-client' }).click()
  }),
  page('client-with-keys', of('signing'), 'Your client'),
  page('edit', of('shared', '/edit'), 'Edit a client'),
  page('secrets', of('shared', '/secrets'), 'Secrets'),
  page('secrets-after-rotation', of('alone', '/secrets'), 'Secrets', async (at) => {
    await at.getByRole('button', { name: 'Make a new secret' }).click()
    await expectHeading(at, 'A new secret')
    await at.goto(registry.url + of('alone', '/secrets')())
  }),
  page('secrets-in-place-of-keys', of('signing', '/secrets'), 'Secrets'),
  page('keys', of('signing', '/keys'), 'Keys'),
  page('keys-in-place-of-a-secret', of('shared', '/keys'), 'Keys'),
  page('permissions', of('shared', '/permissions'), 'Permissions'),
  page('owners', of('shared', '/owners'), 'Owners'),
  page('history', of('shared', '/history'), 'History'),
  page('check', of('shared', '/check'), 'Check a request'),
  page('check-address', of('shared', '/check'), 'Check a request', (at) =>
    check(
      at,
      `${registry.url}/authorize?response_type=code&client_id=${ids.shared}&redirect_uri=${CALLBACK}/`,
    ),
  ),
  page('check-command', of('shared', '/check'), 'Check a request', (at) =>
    check(
      at,
      `curl --frobnicate ${registry.url}/token -u ${ids.shared}:${'s'.repeat(54)} \\
  -d grant_type=authorization_code -d code=c -d redirect_uri=${CALLBACK}`,
    ),
  ),
  page('check-nothing', of('shared', '/check'), 'Check a request', async (at) => {
    await at.getByRole('button', { name: 'Check', exact: true }).click()
    await at.getByRole('alert').waitFor()
  }),
  page('refusal-unknown', of('shared', '/check?reference=ABCDEFGHJK'), 'Check a request'),
  page('disable', of('shared', '/disable'), 'Disable this client?'),
  page('client-disabled', of('disabled'), 'Your client'),
  page('enable', of('shared', '/enable'), 'Enable this client?'),
  page('enable-disabled', of('disabled', '/enable'), 'Enable this client?'),
  page('delete', of('shared', '/delete'), 'Delete this client?'),
  page('leave', of('shared', '/leave'), 'Leave this client?'),
  page('leave-alone', of('alone', '/leave'), 'Leave this client?'),
]

const OF_APPROVERS: readonly Scene[] = [
  page('approvals', () => '/approvals', 'Approvals'),
  page('approval', () => `/approvals/${ids.shared}`, 'What a client asks for'),
  page('approval-with-offers', () => `/approvals/${ids.offered}`, 'What a client asks for'),
].map((scene) => ({ ...scene, who: () => olga }))

/** `bea` already has another client, so that the page shows both. */
const OF_OFFERED: readonly Scene[] = [
  { ...page('offered', () => '/clients', 'Your clients'), who: () => bea },
]

describe('every page of the portal', () => {
  testScenes({
    files: 'portal',
    registry: () => registry,
    ids: () => ids,
    scenes: [...SCENES, ...OF_APPROVERS, ...OF_OFFERED],
  })
})
