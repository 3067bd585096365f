/** The command line with a client id that is the URL of a metadata document. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { clientFields } from '../../src/domain/registration.ts'
import { insertClient } from '../../src/stores/client-statements.ts'
import { refusalStore } from '../../src/stores/refusals.ts'
import { type ServedState, servedState } from './command-line.ts'

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const now = () => Math.floor(Date.now() / 1000)
let made = 0
let url = ''

/** A client as the registry creates it from its document. */
beforeEach(async () => {
  made += 1
  url = `https://app.example/clients/%C3%A9/${made}.json?v=1&a=b%2Fc`
  const fields = clientFields({
    name: 'Desktop notes',
    ownerId: '',
    url: 'https://app.example',
    authMethod: 'none',
    requirePkce: true,
  })
  const lists = {
    redirectUris: ['http://127.0.0.1/callback'],
    scopes: ['public:read'],
    grantTypes: ['authorization_code'],
  }
  const { database } = state
  const client = { clientId: url, fields, lists, mode: 'authorize' as const, secretDigest: null }
  await database.batch([
    ...insertClient(database, client, now()),
    database
      .prepare(
        `INSERT INTO self_registered_client (client_id, kind, created_at) VALUES (?1, 'document', 1)`,
      )
      .bind(url),
  ])
})

type Client = Readonly<{
  client_id: string
  scopes: string[]
  disabled_at: string | null
  require_dpop: boolean
  self_registered: string | null
}>

describe('a client whose id is the URL of its metadata document', () => {
  it('client show, disable, enable, authorize, withdraw and delete accept the URL of a metadata document as the id', async () => {
    expect(await state.json<Client>(['client', 'show', url])).toMatchObject({
      client_id: url,
      self_registered: 'document',
      owner_id: '',
    })
    const disabled = await state.json<Client>(['client', 'disable', url])
    expect(disabled.disabled_at).not.toBeNull()
    expect((await state.json<Client>(['client', 'enable', url])).disabled_at).toBeNull()
    const authorized = await state.json<Client>(['client', 'authorize', url, '--scope', 'a:b'])
    expect(authorized.scopes).toEqual(['a:b', 'public:read'])
    const withdrawn = await state.json<Client>(['client', 'withdraw', url, '--scope', 'a:b'])
    expect(withdrawn.scopes).toEqual(['public:read'])
    const deleted = await state.admin(['client', 'delete', url])
    expect(deleted).toMatchObject({ status: 0 })
    expect(deleted.stderr).toContain('client disable keeps it out')
    expect(await state.admin(['client', 'show', url])).toMatchObject({
      status: 1,
      stderr: `error: there is no client ${JSON.stringify(url)}\n`,
    })
  })

  it('client list shows that a client has a metadata document, and --kind filters by it', async () => {
    await state.json(['client', 'create', '--name', 'Own', '--owner', 'o'])
    const { stdout } = await state.admin(['client', 'list'])
    expect(stdout).toMatch(/^client_id +name +kind +owner_id/)
    expect(stdout).toMatch(/^\S+ +Own +operator +o /m)
    const documents = (await state.admin(['client', 'list', '--kind', 'document'])).stdout
    expect(documents).toContain(`${url}  Desktop notes  document  -`)
    expect(documents).not.toContain('Own')
  })

  it('session revoke --client, audit --client and why accept and show the URL of a metadata document', async () => {
    expect(await state.json(['session', 'revoke', '--client', url])).toMatchObject({
      effective_within_seconds: expect.any(Number),
    })
    await state.json(['client', 'disable', url])
    const acts = await state.json<{ event: string; client_id: string }[]>([
      'audit',
      '--client',
      url,
    ])
    expect(acts.map(({ event, client_id }) => [event, client_id])).toEqual([
      ['client.disable', url],
      ['session.revoke', url],
    ])
    await refusalStore(state.database).record({
      correlationId: `7Q2K9D4M1${made}`,
      refusedAt: now(),
      endpoint: 'GET /authorize',
      error: 'invalid_request',
      detail: 'its host is blocked',
      clientId: url,
    })
    expect(await state.json(['why', `7Q2K9D4M1${made}`])).toMatchObject({ client_id: url })
  })

  it.each<[field: string, words: string[]]>([
    ['name', ['--name', 'Trusted notes']],
    ['url', ['--url', 'https://other.example']],
    ['description', ['--description', 'checked by us']],
    ['auth_method', ['--auth-method', 'client_secret']],
    ['redirect_uris', ['--redirect-uri', 'https://other.example/callback']],
    ['logo_uri', ['--logo-uri', 'https://other.example/logo.png']],
    ['tos_uri', ['--tos-uri', 'https://other.example/terms']],
    ['policy_uri', ['--policy-uri', 'https://other.example/policy']],
    ['contacts', ['--contact', 'a@other.example']],
    ['software_id', ['--software-id', 'other']],
    ['application_type', ['--application-type', 'native']],
  ])(
    'client update refuses to change the %s of a client with a metadata document',
    async (field, words) => {
      const before = await state.dump()
      expect(await state.admin(['client', 'update', url, ...words])).toEqual({
        status: 1,
        stdout: '',
        stderr: `error: the metadata document at the id of the client says what ${field} is: only its author can change it\n`,
      })
      expect(await state.dump()).toEqual(before)
    },
  )

  it("client update changes the operator's fields of a client with a metadata document, and accepts the document's own values", async () => {
    const words = ['--name', 'Desktop notes', '--require-dpop', '--owner', 'tools']
    expect(await state.json<Client>(['client', 'update', url, ...words])).toMatchObject({
      require_dpop: true,
      owner_id: 'tools',
    })
  })

  it('export omits clients with a metadata document, and apply does not delete them and refuses them in a file', async () => {
    const exported = await state.admin(['export', '-'])
    expect(exported.stdout).not.toContain(url)
    const pruned = await state.admin(['apply', '-', '--prune'], exported.stdout)
    expect(pruned).toMatchObject({ status: 0, stderr: '' })
    expect(await state.json<Client>(['client', 'show', url])).toMatchObject({ client_id: url })
    const file = `version: 1\nclients:\n  - {client_id: "${url}", name: Notes, owner_id: me}\n`
    const refused = await state.admin(['apply', '-'], file)
    expect(refused).toMatchObject({ status: 1, stdout: '' })
    expect(refused.stderr).toContain(
      'client_id must not be an address: a client with a metadata document registers itself',
    )
  })

  it('client rotate-secret refuses a client with a metadata document', async () => {
    const refused = await state.admin(['client', 'rotate-secret', url])
    expect(refused.stderr).toContain('has no secret to rotate')
  })

  it('a command with a URL that is not the id of a client is refused in one line', async () => {
    const unknown = 'https://app.example/none.json'
    for (const words of [
      ['client', 'show', unknown],
      ['client', 'disable', unknown],
      ['client', 'authorize', unknown, '--scope', 'a:b'],
    ]) {
      expect((await state.admin(words)).stderr).toBe(`error: there is no client "${unknown}"\n`)
    }
  })
})
