/** `resource …` and `client … --default-resource` of the command line: output, rows and refusals. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ServedState, servedState } from './command-line.ts'

type Client = Readonly<{ client_id: string; default_resources: readonly string[] }>

let state: ServedState
beforeAll(async () => {
  state = await servedState()
})
afterAll(() => state.close())

const FILES = 'https://files.example'
const create = (uri: string, ...more: string[]) =>
  state.json([
    'resource',
    'create',
    uri,
    '--name',
    'Files',
    '--scope',
    'files:read files:write',
    ...more,
  ])

describe('resource create, update, show, list and delete', () => {
  it('the resource commands declare a resource in its canonical form, show, list, change and delete it', async () => {
    const created = await create('HTTPS://Files.example:443/', '--require-dpop')
    expect(created).toEqual({
      uri: FILES,
      name: 'Files',
      scopes: ['files:read', 'files:write'],
      access_token_lifetime_seconds: 900,
      require_dpop: true,
      require_pkce: false,
      self_registered: false,
      token_format: 'opaque',
      created_at: expect.any(String),
      updated_at: expect.any(String),
    })
    expect(await state.json(['resource', 'show', `${FILES}/`])).toEqual(created)
    const change = ['resource', 'update', FILES, '--no-require-dpop', '--scope', 'files:read']
    const lifetime = ['--access-token-lifetime-seconds', '120']
    expect(await state.json([...change, ...lifetime])).toMatchObject({
      scopes: ['files:read'],
      require_dpop: false,
      access_token_lifetime_seconds: 120,
    })
    expect((await state.admin(['resource', 'list'])).stdout).toContain(FILES)
    expect(await state.json(['resource', 'delete', FILES])).toMatchObject({ uri: FILES })
    expect(await state.admin(['resource', 'show', FILES])).toMatchObject({
      status: 1,
      stderr: `error: there is no resource "${FILES}"\n`,
    })
  })

  it('a resource can be declared with signed tokens, and changed to opaque tokens', async () => {
    const uri = 'https://signed.example'
    expect(await create(uri, '--token-format', 'jwt')).toMatchObject({
      token_format: 'jwt',
      access_token_lifetime_seconds: 600,
    })
    const change = ['resource', 'update', uri, '--token-format', 'opaque']
    expect(await state.json(change)).toMatchObject({
      token_format: 'opaque',
      access_token_lifetime_seconds: 600,
    })
    const bad = await state.admin(['resource', 'update', uri, '--token-format', 'saml'])
    expect(bad.stderr).toContain('--token-format')
  })

  it.each<[words: string[], status: number, said: string]>([
    [['resource', 'create', 'files', '--name', 'F', '--scope', 'a:b'], 1, 'is not a resource'],
    [['resource', 'create', FILES, '--name', 'F'], 2, '--scope'],
    [['resource', 'create', FILES, '--scope', 'a:b'], 2, '--name'],
    [['resource', 'create', FILES, '--name', 'F', '--scope', ''], 1, '--scope'],
    [['resource', 'create', FILES, '--name', 'F', '--scope', 'registry:read'], 1, '--scope'],
    [['resource', 'update', FILES], 2, 'nothing to update'],
    [['resource', 'delete', 'https://none.example'], 1, 'there is no resource'],
  ])('the command %j is refused with the status %i and %j', async (words, status, said) => {
    const refused = await state.admin(words)
    expect(refused.status).toBe(status)
    expect(refused.stderr).toContain(said)
  })
})

describe('default resources of a client', () => {
  it('a default resource of a client must be declared, and cannot be deleted until the client has others', async () => {
    const uri = 'https://default.example'
    await create(uri)
    const words = ['client', 'create', '--name', 'C', '--owner', 'o', '--scope', 'files:read']
    const { client_id: id } = await state.json<Client>(words)
    const update = (...uris: string[]) => [
      'client',
      'update',
      id,
      ...uris.flatMap((one) => ['--default-resource', one]),
    ]
    expect(await state.json<Client>(update(`${uri}/`))).toMatchObject({ default_resources: [uri] })
    const unknown = await state.admin(update('https://none.example'))
    expect(unknown.stderr).toBe(
      'error: --default-resource: there is no resource "https://none.example"\n',
    )
    const kept = await state.admin(['resource', 'delete', uri])
    expect(kept.stderr).toContain('1 client has')
    expect(await state.json<Client>(update(''))).toMatchObject({ default_resources: [] })
    expect(await state.json(['resource', 'delete', uri])).toMatchObject({ uri })
  })
})
