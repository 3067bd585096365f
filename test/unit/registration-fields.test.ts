/** The fields of clients and users: their rules, how a refusal names a field, and their JSON Schema. */

import { describe, expect, it } from 'vitest'
import * as z from 'zod/mini'
import { OPTION_WORDS } from '../../src/cli/options.ts'
import { NO_DETAILS } from '../../src/domain/client.ts'
import { clientFields } from '../../src/domain/registration.ts'
import {
  CLIENT_CREATION,
  CLIENT_FIELDS,
  CLIENT_LISTS,
  CLIENT_PERMISSIONS,
  CLIENT_UPDATE,
  clientChangeIn,
  newClientIn,
} from '../../src/protocol/registration/client-fields.ts'
import { RegistrationError } from '../../src/protocol/registration/errors.ts'
import { requireValid, snakeCase } from '../../src/protocol/registration/field.ts'
import { readItems, readList } from '../../src/protocol/registration/list-body.ts'
import {
  permissionChangeSchema,
  readPermissionChange,
} from '../../src/protocol/registration/shared-fields.ts'
import {
  newUserIn,
  PASSWORD_CHANGE,
  USER_CREATION,
  USER_FIELDS,
  USER_LISTS,
  USER_UPDATE,
  userChangeIn,
} from '../../src/protocol/registration/user-fields.ts'

const readClientCreation = (body: unknown) => newClientIn(requireValid(CLIENT_CREATION, body))
const readClientUpdate = (body: unknown) => clientChangeIn(requireValid(CLIENT_UPDATE, body))
const readUserCreation = (body: unknown) => newUserIn(requireValid(USER_CREATION, body))
const readUserUpdate = (body: unknown) => userChangeIn(requireValid(USER_UPDATE, body))

const CLIENT = { name: 'App', owner_id: 'o' }
const USER = { username: 'ada', email: 'ada@example.org' }

/** The field and the error of the refusal; null if the body is accepted. */
function refusal(read: () => unknown) {
  try {
    read()
    return null
  } catch (fault) {
    if (!(fault instanceof RegistrationError)) throw fault
    return { field: fault.field, message: fault.message }
  }
}
const ofClient = (more: object) => refusal(() => readClientCreation({ ...CLIENT, ...more }))
const ofUser = (more: object) => refusal(() => readUserCreation({ ...USER, ...more }))

describe('a body that registers a client', () => {
  it('omitted fields of a body that registers a client get the same values as at the command line', () => {
    expect(readClientCreation(CLIENT)).toEqual({
      clientId: null,
      mode: 'authorize',
      lists: {},
      fields: {
        name: 'App',
        ownerId: 'o',
        url: '',
        description: '',
        authMethod: 'client_secret',
        jwks: null,
        requirePkce: false,
        requireDpop: false,
        mayIntrospect: false,
        accessTokenLifetimeSeconds: null,
        ...NO_DETAILS,
      },
    })
    expect(clientFields({ name: 'App', ownerId: 'o' })).toEqual(readClientCreation(CLIENT).fields)
  })

  it('a body that registers a client may have an id and a key set as an object, and repeated values of its lists are removed', () => {
    const jwks = { keys: [{ kty: 'EC', x: '1' }], note: 'kept' }
    const read = readClientCreation({
      ...CLIENT,
      client_id: 'a.B_c~1-2',
      jwks,
      scopes: ['a:b', 'a:b', 'c:d'],
      requested_only: true,
    })
    expect(read.clientId).toBe('a.B_c~1-2')
    expect(read.mode).toBe('request')
    expect(read.lists).toEqual({ scopes: ['a:b', 'c:d'] })
    expect(JSON.parse(read.fields.jwks ?? '')).toEqual(jwks)
  })

  it.each<[object, string, string]>([
    [{ name: undefined }, 'name', 'name is required'],
    [{ name: 7 }, 'name', 'name must be text'],
    [{ name: ' \t' }, 'name', 'name must not be empty'],
    [{ name: '' }, 'name', 'name must not be empty'],
    [{ name: 'a\0' }, 'name', 'name must not hold a NUL or half of a surrogate pair'],
    [{ name: '\ud800' }, 'name', 'name must not hold a NUL or half of a surrogate pair'],
    [{ name: 'x'.repeat(1001) }, 'name', 'name must not be longer than 1000 characters'],
    [{ owner_id: null }, 'owner_id', 'owner_id must be text'],
    [
      { owner_id: 'x'.repeat(1001) },
      'owner_id',
      'owner_id must not be longer than 1000 characters',
    ],
    [{ url: 'ftp://a' }, 'url', 'url "ftp://a" is not an http or https URL'],
    [
      { url: `https://a/${'x'.repeat(2000)}` },
      'url',
      'url must not be longer than 2000 characters',
    ],
    [
      { description: 'x'.repeat(10_001) },
      'description',
      'description must not be longer than 10000 characters',
    ],
    [{ require_pkce: 'yes' }, 'require_pkce', 'require_pkce must be true or false'],
    [{ scopes: 'a:b' }, 'scopes', 'scopes must be a list'],
    [{ scopes: [7] }, 'scopes', 'scopes must be a list of texts'],
    [
      { scopes: Array.from({ length: 1001 }, (_, i) => `a:b${i}`) },
      'scopes',
      'scopes must not have more than 1000 values',
    ],
    [{ endorsements: ['*'] }, 'endorsements', 'endorsement "*": write *.* for every category'],
    [
      { grant_types: ['implicit'] },
      'grant_types',
      'unknown grant type "implicit": use one of client_credentials, authorization_code, refresh_token',
    ],
    [
      { access_token_lifetime_seconds: 59 },
      'access_token_lifetime_seconds',
      'access_token_lifetime_seconds "59" is not a whole number of seconds from 60 to 2592000, nor null for SESSION_LIFETIME_SECONDS',
    ],
    [{ jwks: '{}' }, 'jwks', 'jwks must be a JWK Set: an object with an array of keys'],
    [{ jwks: { keys: {} } }, 'jwks', 'jwks must be a JWK Set'],
    [
      { client_id: 'a b' },
      'client_id',
      'client_id must have 1 to 64 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"',
    ],
    // A URL cannot have . or .. as a segment of its path.
    [{ client_id: '.' }, 'client_id', 'client_id must not be . or ..'],
    [{ client_id: '..' }, 'client_id', 'client_id must not be . or ..'],
    [{ owner: 'o' }, 'owner', 'there is no member owner'],
    [{ client_secret: 'x' }, 'client_secret', 'there is no member client_secret'],
    [{ disabled: true }, 'disabled', 'there is no member disabled'],
  ])(
    'a body that registers a client with %j is refused with an error that names the field %s',
    (more, field, message) => {
      expect(ofClient(more)).toEqual({ field, message })
    },
  )

  it('a field of a body that registers a client may have its maximum length, and not more', () => {
    expect(ofClient({ name: 'x'.repeat(1000), description: 'x'.repeat(10_000) })).toBeNull()
    expect(ofClient({ scopes: ['x'.repeat(256)] })).toBeNull()
    expect(ofClient({ scopes: ['x'.repeat(257)] })?.message).toContain('is not a scope')
  })

  it.each([null, [], 'text', 7])(
    'a body about a client or a user is refused when it is %j',
    (body) => {
      for (const read of [readClientCreation, readClientUpdate, readUserCreation, readUserUpdate]) {
        expect(refusal(() => read(body))).toMatchObject({ message: expect.any(String) })
      }
    },
  )
})

describe('a body that changes a client', () => {
  it('a body that changes a client is read with the given fields only, and may be empty', () => {
    const nothing = { fields: {}, lists: {}, mode: 'authorize', isDisabled: undefined }
    expect(readClientUpdate({})).toEqual(nothing)
    expect(
      readClientUpdate({ access_token_lifetime_seconds: null, scopes: [], disabled: true }),
    ).toEqual({
      ...nothing,
      fields: { accessTokenLifetimeSeconds: null },
      lists: { scopes: [] },
      isDisabled: true,
    })
    expect(refusal(() => readClientUpdate({ client_id: 'x' }))?.field).toBe('client_id')
  })

  it('a body that changes permissions must either give or withdraw', () => {
    const read = (body: unknown) => readPermissionChange(CLIENT_PERMISSIONS, body)
    expect(read({ withdraw: { grant_types: ['refresh_token'] } })).toEqual({
      how: 'withdraw',
      lists: { grantTypes: ['refresh_token'] },
    })
    const values = { scopes: ['a:b'] }
    expect(read({ authorize: values }).how).toBe('authorize')
    for (const body of [{}, { authorize: values, withdraw: values }]) {
      expect(refusal(() => read(body))?.message).toBe('give either authorize or withdraw')
    }
    for (const body of [{ authorize: {} }, { authorize: { scopes: [] } }]) {
      expect(refusal(() => read(body))?.message).toMatch(/^name at least one value: grant_types, /)
    }
    expect(refusal(() => read({ authorize: { redirect_uris: ['x'] } }))?.field).toBe(
      'redirect_uris',
    )
  })
})

describe('a body about a user', () => {
  it('a body that creates a user is read with the username in NFC and may lack a password', () => {
    expect(readUserCreation({ ...USER, username: 'mu\u0308ller' })).toEqual({
      fields: { username: 'm\u00fcller', email: 'ada@example.org' },
      lists: {},
      userId: null,
      password: null,
    })
    expect(readUserUpdate({ disabled: false })).toEqual({
      fields: {},
      lists: {},
      isDisabled: false,
    })
  })

  it.each<[object, string | null, string]>([
    [
      { username: 'a b' },
      'username',
      'username must be one word, without spaces and control characters',
    ],
    [{ username: 'x'.repeat(257) }, 'username', 'username must not be longer than 256 characters'],
    [{ email: 'nowhere' }, 'email', 'email "nowhere" is not an e-mail address'],
    [{ email: `${'x'.repeat(319)}@x` }, 'email', 'email must not be longer than 320 characters'],
    [
      { user_id: '' },
      'user_id',
      'user_id must have 1 to 64 characters of A-Z, a-z, 0-9, ".", "_", "~" and "-"',
    ],
    [{ password: 'short' }, 'password', 'the password must have at least 8 characters'],
    [{ password: `long enough\0` }, 'password', 'the password must not hold a NUL'],
    [
      { password: 'x'.repeat(1001) },
      'password',
      'the password must not be longer than 1000 characters',
    ],
    [{ password_hash: 'x' }, 'password_hash', 'there is no member password_hash'],
  ])(
    'a body that creates a user with %j is refused with an error that names the field %s',
    (more, field, message) => {
      expect(ofUser(more)).toEqual({ field, message })
    },
  )

  it('the error for a refused password does not repeat it', () => {
    for (const password of ['secret7', `${'secret'.repeat(200)}`, 'secret and \0', '']) {
      const said = refusal(() => requireValid(PASSWORD_CHANGE, { password }))
      expect(said?.message).toMatch(/^the password must/)
      expect(said?.message).not.toContain('secret')
    }
  })
})

describe('the description of the fields', () => {
  const SCHEMAS = {
    CLIENT_CREATION,
    CLIENT_UPDATE,
    USER_CREATION,
    USER_UPDATE,
    PASSWORD_CHANGE,
    permissions: permissionChangeSchema(CLIENT_PERMISSIONS),
  }

  it.each(Object.entries(SCHEMAS))(
    'the JSON Schema of %s is strict and describes its members',
    (name, schema) => {
      const { additionalProperties, properties } = z.toJSONSchema(schema, { io: 'input' })
      expect(additionalProperties).toBe(false)
      for (const [member, described] of Object.entries(properties ?? {})) {
        if (name.startsWith('CLIENT_') || name.startsWith('USER_')) {
          expect([member, (described as { description?: string }).description]).toEqual([
            member,
            expect.stringMatching(/\w/),
          ])
        }
      }
    },
  )

  it('the JSON Schema of a registration states what is required, bounds, choices and defaults', () => {
    const { required, properties } = z.toJSONSchema(CLIENT_CREATION, { io: 'input' })
    expect(required).toEqual(['name', 'owner_id'])
    expect(properties).toMatchObject({
      name: { type: 'string', minLength: 1, maxLength: 1000 },
      client_id: { pattern: '^[A-Za-z0-9._~-]{1,64}$' },
      auth_method: { default: 'client_secret', enum: expect.arrayContaining(['none']) },
      require_pkce: { type: 'boolean', default: false },
      scopes: { type: 'array', maxItems: 1000, items: { type: 'string', maxLength: 256 } },
    })
    expect(z.toJSONSchema(USER_CREATION, { io: 'input' }).required).toEqual(['username', 'email'])
  })

  it('every field has an option, and the command line names the option in an error about the field', () => {
    for (const fields of [CLIENT_FIELDS, CLIENT_LISTS, USER_FIELDS, USER_LISTS]) {
      for (const name of Object.keys(fields)) {
        expect(OPTION_WORDS.nameOf(snakeCase(name))).toMatch(/^--[a-z-]+( or --[a-z-]+)?$/)
      }
    }
    const error = new RegistrationError('invalid', '{field} must not be {empty}', 'owner_id')
    expect([error.message, error.in(OPTION_WORDS)]).toEqual([
      'owner_id must not be null',
      '--owner must not be ""',
    ])
  })

  it('an error without a field names the value', () => {
    const error = new RegistrationError('invalid', '{field} must not be empty')
    expect(error.message).toBe('the value must not be empty')
  })

  it('a placeholder in the text of a caller is not replaced', () => {
    const said = ofClient({ scopes: ['{field}"'] })
    expect(said?.message).toContain('\\u007bfield}')
    expect(said?.message).not.toContain('scopes')
  })
})

describe('the items of a list', () => {
  const read = (item: unknown) => {
    if (item === 'bad') throw new RegistrationError('invalid', '{field} is bad', 'name')
    return { name: (item as { name: string }).name }
  }

  it('each bad item and each repeated name of a list is a problem, and an unexpected error is thrown', () => {
    const { problems } = readItems([{ name: 'a' }, 'bad', { name: 'a' }], read)
    expect(problems.map(({ index, problem }) => [index, problem.field])).toEqual([
      [1, 'name'],
      [2, 'name'],
    ])
    expect(() => readItems([null], read)).toThrow(TypeError)
    const fieldOf = (items: unknown[], how: (item: unknown) => { name: string } = read) => {
      try {
        return readList({ items }, how)
      } catch (fault) {
        return fault instanceof RegistrationError && [fault.field, String(fault.message)]
      }
    }
    expect(fieldOf(['bad'])).toEqual(['items[0].name', expect.stringMatching(/is bad$/)])
    expect(fieldOf(['bad', 'bad'])).toEqual([
      'items[0].name',
      expect.stringMatching(/; 1 more items are bad$/),
    ])
    const whole = () => {
      throw new RegistrationError('invalid', 'not an object', null)
    }
    expect(fieldOf([1], whole)).toEqual(['items[0]', 'not an object'])
    expect(fieldOf([{ name: 'a' }])).toEqual([{ name: 'a' }])
  })
})

it('a client without keys has no keys in its row, its document and the audit', () => {
  const { keep, inDocument, inAudit } = CLIENT_FIELDS.jwks as unknown as Record<
    string,
    (keySet: unknown) => unknown
  >
  expect([keep?.(null), inDocument?.(null), inAudit?.(null)]).toEqual([null, null, undefined])
  const keys = { keys: [] }
  const kept = JSON.stringify(keys)
  expect([keep?.(keys), inDocument?.(kept), inAudit?.(kept)]).toEqual([kept, keys, 'replaced'])
})
