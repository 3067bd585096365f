/** Every page of an approver with content: its accessibility tree, which is stored in trees/, and its appearance. */

import { beforeAll, describe } from 'vitest'
import { type Person, type Registry, startRegistry } from './registry.ts'
import { askInOrder, type Scene, testScenes } from './scenes.ts'

const CALLBACK = 'https://reading.example/callback'
const DOCUMENT = 'https://documents.client-host.example/oauth/client.json'
const ASKS = 'What a client asks for'

/** A new registry, so that the pages show only these scenes. */
let registry: Registry
let kim: Person
let ada: Person
let ids: Readonly<{
  asking: string
  own: string
  privileged: string
  decided: string
  host: string
}>

const create = async (name: string, owner: string, ...more: string[]) => {
  const described = ['--name', name, '--owner', owner, '--redirect-uri', CALLBACK, ...more]
  return String((await registry.admin('client', 'create', ...described)).client_id)
}
const idOf = async ({ username }: Person) =>
  String((await registry.admin('user', 'show', username)).user_id)

/** Marks a client as self-registered. Cron deletes an old self-registered client that was never used. */
async function selfRegistered(id: string, kind: string, name: string) {
  await registry.addClients([{ client_id: id, name, owner_id: '' }])
  await registry.insert(
    'INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, ?2, unixepoch())',
    [[id, kind]],
  )
  await registry.insert(
    'INSERT INTO client_authorization (client_id, scope, requested_at) VALUES (?1, ?2, 1)',
    [[id, 'shelf:lend']],
  )
  return id
}

beforeAll(async () => {
  registry = await startRegistry()
  const scope = (name: string, sentence: string, ...more: string[]) =>
    registry.admin('scope', 'create', name, '--sentence', sentence, ...more)
  await scope('shelf:write', 'Change what is on your shelf', '--sensitive')
  await scope('shelf:lend', 'Lend what is on your shelf')
  const shelf = ['--name', 'The shelf', '--scope', 'shelf:write shelf:lend']
  await registry.admin('resource', 'create', 'https://shelf.example', ...shelf)
  kim = await registry.registerUser({ username: 'kim', scopes: ['registry:approve'] })
  ada = await registry.registerUser({ username: 'ada' })
  const bea = await idOf(await registry.registerUser({ username: 'bea' }))
  const granted = ['--grant-type', 'authorization_code', '--scope', 'submission:read']
  const owner = await idOf(ada)
  const asking = await create('Reading list', owner, '--further-owner', bea, ...granted)
  const lists = [
    '--scope',
    'shelf:write shelf:lend:* shelf:lend unheard:of',
    '--endorsement',
    'cs.*',
  ]
  const request = ['--grant-type', 'client_credentials', '--requested-only']
  await registry.admin('client', 'update', asking, ...lists, ...request)
  const reason = ['--reason', 'Say first what for.']
  await registry.admin('client', 'withdraw', asking, '--scope', 'shelf:write', ...reason)
  await registry.admin('client', 'update', asking, ...lists, ...request)
  const moved = ['--name', 'Reading everything', '--redirect-uri', 'https://other.example/callback']
  await registry.admin('client', 'update', asking, ...moved)
  const own = await create('Mine', await idOf(kim), '--scope', 'shelf:lend', '--requested-only')
  const privileged = await create('Robot', owner, '--scope', 'registry:read', '--requested-only')
  const decided = await create('Settled', owner, ...granted)
  await registry.admin('client', 'disable', decided)
  const host = await selfRegistered('registered-itself', 'registration', 'Some host')
  await selfRegistered(DOCUMENT, 'document', 'Document host')
  await askInOrder(registry, [asking, own, privileged])
  ids = { asking, own, privileged, decided, host }
  return registry.end
})

const client = (name: string, id: () => string, heading = ASKS): Scene => ({
  name,
  path: () => `/approvals/${encodeURIComponent(id())}`,
  heading,
  who: () => kim,
})

describe('every page of an approver', () => {
  testScenes({
    files: 'approvals',
    registry: () => registry,
    ids: () => ids,
    scenes: [
      { name: 'queue', path: () => '/approvals', heading: 'Approvals', who: () => kim },
      client('client', () => ids.asking),
      client('document', () => DOCUMENT),
      client('registration', () => ids.host),
      client('own', () => ids.own),
      client('privileged', () => ids.privileged),
      client('decided', () => ids.decided),
      client('no-client', () => 'no-such-client', 'There is no such client'),
      {
        name: 'no-approver',
        path: () => '/approvals',
        heading: 'You are not an approver',
        who: () => ada,
      },
    ],
  })
})
