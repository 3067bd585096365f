/** Requests of an owner's client, each with one fault or none, for the tests of the request checker. */

import { env } from 'cloudflare:workers'
import { tokenDigestOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import { disableClient, withdrawFromClient } from '../../src/flows/registration/clients.ts'
import { authorizationRequest, type Sent, tokenRequest } from './checking.ts'
import { asserting, assertionOf, type Key, keySetOf, newKey, proofOf } from './keys.ts'
import { userTokens } from './obtaining.ts'
import { admin } from './registering.ts'
import {
  basicOf,
  CALLBACK,
  credentialsOf,
  newClient,
  newUser,
  nowSeconds,
  obtainCode,
  PKCE,
  post,
  type RegisteredClient,
  redemptionOf,
  requestOf,
  signIn,
  type TestUser,
  withChallenge,
} from './registry.ts'
import { newResource } from './resources.ts'

type Registration = Exclude<Parameters<typeof newClient>[0], undefined>

/** A signed-in owner, who holds the scopes that the client requests, and the client. */
export type Scene = Readonly<{
  user: TestUser
  cookie: string
  client: RegisteredClient
}>

export type Case = Readonly<{
  title: string
  registered?: Registration
  send: (scene: Scene) => Promise<Sent> | Sent
  /** A part of the text of the failed check; null if every check passes. */
  fails: string | null
  /** Parts of the page's text about that check. */
  says?: readonly string[]
}>

const ALL: NonNullable<Registration['grantTypes']> = [
  'client_credentials',
  'authorization_code',
  'refresh_token',
]

export async function sceneOf({ registered = {} }: Case): Promise<Scene> {
  const user = await newUser()
  const cookie = await signIn(user)
  const client = await newClient({ grantTypes: ALL, ...registered, ownerId: user.id })
  return { user, cookie, client }
}

const machine =
  (more: Record<string, string> = {}) =>
  ({ client }: Scene) =>
    tokenRequest(credentialsOf(client, more))

/** A code of the client, for the owner as its user. */
const codeOf = ({ cookie, client }: Scene, more: Record<string, string> = {}) =>
  obtainCode(cookie, requestOf(client, { ...withChallenge, ...more }))

const redeeming =
  (more: Record<string, string> = {}, asked: Record<string, string> = {}) =>
  async (scene: Scene) => {
    const code = await codeOf(scene, asked)
    return tokenRequest({
      ...redemptionOf(scene.client, code, { code_verifier: PKCE.verifier }),
      ...more,
    })
  }

const refreshing =
  (more: Record<string, string> = {}) =>
  async ({ client, user }: Scene) => {
    const { refresh } = await userTokens(client, user)
    return tokenRequest({
      grant_type: 'refresh_token',
      refresh_token: refresh,
      client_id: client.id,
      client_secret: client.secret,
      ...more,
    })
  }

const authorizing =
  (more: Record<string, string> = {}, without: readonly string[] = []) =>
  ({ client }: Scene) =>
    authorizationRequest(
      Object.fromEntries(
        Object.entries(requestOf(client, { ...withChallenge, ...more })).filter(
          ([name]) => !without.includes(name),
        ),
      ),
    )

let key: Promise<Key> | undefined
export const keyOfClient = () => {
  key ??= newKey()
  return key
}
/** A client that signs with `keyOfClient`. */
export const signing = async (): Promise<Registration> => {
  const { jwk } = await keyOfClient()
  return { authMethod: 'private_key_jwt', jwks: keySetOf({ ...jwk, kid: 'one' }) }
}

const asserted =
  (changes: Parameters<typeof assertionOf>[2] = {}) =>
  async ({ client }: Scene) =>
    tokenRequest({
      grant_type: 'client_credentials',
      ...asserting(
        await assertionOf(client.id, await keyOfClient(), { header: { kid: 'one' }, ...changes }),
      ),
    })

const proven =
  (changes: Parameters<typeof proofOf>[1] = {}) =>
  async ({ client }: Scene) =>
    tokenRequest(credentialsOf(client), { DPoP: await proofOf(await newKey(), changes) })

const changeCode = async (code: string, path: string, value: unknown) =>
  env.DB.prepare(
    'UPDATE authorization_code SET record = json_set(record, ?2, ?3), expires_at = ?4 WHERE code_digest = ?1',
  )
    .bind(await tokenDigestOf(code), path, value, nowSeconds() + 60)
    .run()

const FAILS = {
  request: 'It is a form, sent to /token',
  once: 'names the client and redirect_uri once',
  grantType: 'grant_type is known',
  credentials: 'says which client it is from',
  proof: 'Its DPoP proof is valid',
  parameters: 'The parameters of the grant are there',
  client: 'The client is registered and enabled',
  method: 'by the method that it is registered for',
  secret: 'The secret is a current one',
  assertion: 'The client assertion is valid',
  approved: 'authorized for the grant type',
  proofRequired: 'A DPoP proof is there',
  code: 'The code was issued to the client',
  refreshToken: 'The refresh token was issued to the client',
  redirect: 'redirect_uri is',
  verifier: 'code_verifier fits',
  key: 'The key is the one',
  expired: 'has not expired',
  reuse: 'was not used before, or this is a retry',
  target: 'may have the scopes and resources',
  binding: 'Tokens can be made',
  spending: 'what the user granted still holds',
  repeated: 'No parameter is repeated',
  responseType: 'response_type and response_mode',
  state: 'state has no control character',
  challenge: 'code_challenge has the method S256',
  dpopJkt: 'dpop_jkt is a thumbprint',
  prompt: 'prompt and max_age',
  user: 'A user may allow it',
} as const

export const TOKEN_CASES: readonly Case[] = [
  { title: 'client_credentials', send: machine(), fails: null },
  {
    title: 'client_credentials with one scope',
    send: machine({ scope: 'public:read' }),
    fails: null,
  },
  {
    title: 'client_credentials by Basic',
    send: ({ client }) => tokenRequest({ grant_type: 'client_credentials' }, basicOf(client)),
    fails: null,
  },
  {
    title: 'an id and a secret in the address',
    send: ({ client: { id, secret } }) => ({
      ...tokenRequest({ grant_type: 'client_credentials' }, basicOf({ id, secret })),
      pasted: `curl http://${id}:${secret}@127.0.0.1:8787/token -d grant_type=client_credentials`,
    }),
    fails: null,
  },
  { title: 'a code', send: redeeming(), fails: null },
  { title: 'a refresh token', send: refreshing(), fails: null },
  { title: 'a DPoP proof', send: proven(), fails: null },
  {
    title: 'a JSON body',
    send: ({ client }) => ({
      ...tokenRequest({}),
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(credentialsOf(client)),
    }),
    fails: FAILS.request,
    says: ['The Content-Type must be application/x-www-form-urlencoded', '"application/json"'],
  },
  {
    title: 'a secret in the address',
    send: ({ client }) => ({
      ...tokenRequest(credentialsOf(client)),
      path: `/token?client_secret=${client.secret}`,
    }),
    fails: FAILS.request,
    says: ['A credential must not be part of the URL'],
  },
  {
    title: 'a repeated parameter',
    send: ({ client }) =>
      tokenRequest([...Object.entries(credentialsOf(client)), ['scope', 'a'], ['scope', 'b']]),
    fails: FAILS.request,
    says: ['The parameter scope is included more than once'],
  },
  {
    title: 'a form that is too long',
    send: machine({ state: 'x'.repeat(17_000) }),
    fails: FAILS.request,
    says: ['longer than 16384 bytes'],
  },
  {
    title: 'an unknown grant type',
    send: machine({ grant_type: 'password' }),
    fails: FAILS.grantType,
    says: ['grant_type "password"', 'client_credentials'],
  },
  {
    title: 'no grant type',
    send: machine({ grant_type: '' }),
    fails: FAILS.grantType,
    says: ['The parameter grant_type is missing'],
  },
  {
    title: 'two ways to authenticate',
    send: ({ client }) => tokenRequest(credentialsOf(client), basicOf(client)),
    fails: FAILS.credentials,
    says: ['in more than one way', 'Authorization: Basic', 'client_secret in the body'],
  },
  {
    title: 'malformed Basic credentials',
    send: () => tokenRequest({ grant_type: 'client_credentials' }, { Authorization: 'Basic Zm9v' }),
    fails: FAILS.credentials,
    says: ['The Basic credentials are malformed'],
  },
  {
    title: 'no client',
    send: () => tokenRequest({ grant_type: 'client_credentials' }),
    fails: FAILS.credentials,
    says: ['No client_id', 'nothing, not even client_id'],
  },
  {
    title: 'a wrong secret',
    send: machine({ client_secret: mintToken('clientSecret') }),
    fails: FAILS.secret,
    says: ['Wrong secret', 'in the form of the secrets of this registry', 'never used'],
  },
  {
    title: 'a secret with a line break',
    send: ({ client }) =>
      tokenRequest({ ...credentialsOf(client), client_secret: `${client.secret}\n` }),
    fails: FAILS.secret,
    says: ['with a space or a line break at an end'],
  },
  {
    title: 'a secret with a wrong character',
    send: ({ client }) =>
      tokenRequest({
        ...credentialsOf(client),
        client_secret: `${client.secret.slice(0, 10)}${client.secret[10] === 'a' ? 'b' : 'a'}${client.secret.slice(11)}`,
      }),
    fails: FAILS.secret,
    says: ['the checksum does not fit'],
  },
  {
    title: 'a secret that is too weak',
    send: machine({ client_secret: 'hunter2' }),
    fails: FAILS.secret,
    says: ['too weak to be accepted. To make a new secret, go to Secrets', '7 characters'],
  },
  {
    title: 'a secret by another method',
    registered: { authMethod: 'client_secret_basic' },
    send: machine(),
    fails: FAILS.method,
    says: ['Registered for client_secret_basic, used client_secret_post'],
  },
  {
    title: 'a disabled client',
    send: async ({ client }) => {
      await disableClient(admin(), client.id, null)
      return tokenRequest(credentialsOf(client))
    },
    fails: FAILS.client,
    says: ['Disabled client'],
  },
  {
    title: 'a grant type that was only requested',
    registered: { requestedOnly: true },
    send: machine(),
    fails: FAILS.approved,
    says: ['client_credentials: requested on', 'not approved yet'],
  },
  {
    title: 'a grant type that was declined',
    registered: { requestedOnly: true },
    send: async ({ client }) => {
      const reason = 'No machine needs it.'
      await withdrawFromClient(admin(), client.id, { grantTypes: ['client_credentials'], reason })
      return tokenRequest(credentialsOf(client))
    },
    fails: FAILS.approved,
    says: ['declined on', 'No machine needs it.'],
  },
  {
    title: 'client_credentials of a public client',
    registered: { authMethod: 'none' },
    send: ({ client }) => tokenRequest({ grant_type: 'client_credentials', client_id: client.id }),
    fails: FAILS.approved,
    says: ['A public client cannot use this grant type'],
  },
  {
    title: 'an unknown scope',
    send: machine({ scope: 'public:read moon:walk' }),
    fails: FAILS.target,
    says: [
      'moon:walk: never asked for, and no declared scope has this name',
      'public:read: authorized',
      'To see what it may use, or to ask for more, go to Permissions',
    ],
  },
  {
    title: 'a scope that was declined',
    send: async ({ client }) => {
      const reason = 'Ask for less.'
      await withdrawFromClient(admin(), client.id, { scopes: ['public:read'], reason })
      return tokenRequest(credentialsOf(client, { scope: 'public:read' }))
    },
    fails: FAILS.target,
    says: ['public:read: withdrawn on', 'Ask for less.'],
  },
  {
    title: 'an unknown resource',
    send: machine({ resource: 'https://nowhere.example' }),
    fails: FAILS.target,
    says: ['https://nowhere.example: no resource here has this URI'],
  },
  {
    title: 'a resource for which the client has no scope',
    send: async ({ client }) =>
      tokenRequest(credentialsOf(client, { resource: await newResource(['other:read']) })),
    fails: FAILS.target,
    says: ['the client is authorized for none of its scopes'],
  },
  {
    title: 'a resource for which the client has a scope',
    send: async ({ client }) =>
      tokenRequest(credentialsOf(client, { resource: await newResource(['public:read']) })),
    fails: null,
  },
  {
    title: 'a resource that demands DPoP',
    send: async ({ client }) => {
      const resource = await newResource(['public:read'], { requireDpop: true })
      return tokenRequest(credentialsOf(client, { resource }))
    },
    fails: FAILS.binding,
    says: ['A requested resource demands a DPoP proof'],
  },
  {
    title: 'no DPoP proof of a client that must send one',
    registered: { requireDpop: true },
    send: machine(),
    fails: FAILS.proofRequired,
    says: ['must send a DPoP proof'],
  },
  {
    title: 'a DPoP proof for another address',
    send: proven({ claims: { htu: 'https://elsewhere.example/token' } }),
    fails: FAILS.proof,
    says: ['htu is not the URI of the request', 'https://elsewhere.example/token', '/token'],
  },
  {
    title: 'an old DPoP proof',
    send: proven({ claims: { iat: nowSeconds() - 600 } }),
    fails: FAILS.proof,
    says: [' s ago', 'iat is'],
  },
  {
    title: 'a DPoP header that is not a proof',
    send: ({ client }) => tokenRequest(credentialsOf(client), { DPoP: 'none' }),
    fails: FAILS.proof,
    says: ['a text that is no JWT'],
  },
  {
    title: 'a malformed code',
    send: redeeming({ code: 'regc_short' }),
    fails: FAILS.code,
    says: ['Malformed code', '10 characters, and the codes of this registry have 54'],
  },
  {
    title: 'an unknown code',
    send: redeeming({ code: mintToken('authorizationCode') }),
    fails: FAILS.code,
    says: ['not of this client: it is unknown, expired long ago, or was issued to another client'],
  },
  {
    title: 'a code of another client',
    send: async (scene) => {
      const other = await newClient({ grantTypes: ALL, name: 'Secret project' })
      const code = await codeOf({ ...scene, client: other })
      return tokenRequest(redemptionOf(scene.client, code, { code_verifier: PKCE.verifier }))
    },
    fails: FAILS.code,
    says: ['not of this client: it is unknown, expired long ago, or was issued to another client'],
  },
  {
    title: 'no code',
    send: redeeming({ code: '' }),
    fails: FAILS.parameters,
    says: ['The parameter code is missing'],
  },
  {
    title: 'a short code_verifier',
    send: redeeming({ code_verifier: 'too-short+' }),
    fails: FAILS.parameters,
    says: ['10 characters (43 to 128 are needed), with 1 that may not be in it'],
  },
  {
    title: 'another redirect_uri',
    send: redeeming({ redirect_uri: `${CALLBACK}/` }),
    fails: FAILS.redirect,
    says: ['redirect_uri differs at character', `${CALLBACK}/`],
  },
  {
    title: 'another code_verifier',
    send: redeeming({ code_verifier: 'x'.repeat(43) }),
    fails: FAILS.verifier,
    says: ['code_verifier does not match', PKCE.challenge, 'S256 of the code_verifier'],
  },
  {
    title: 'no code_verifier',
    send: redeeming({ code_verifier: '' }),
    fails: FAILS.verifier,
    says: ['code_verifier is missing', 'no code_verifier was sent'],
  },
  {
    title: 'a code that was bound to a key',
    send: async (scene) => redeeming({}, { dpop_jkt: (await newKey()).jkt })(scene),
    fails: FAILS.key,
    says: ['dpop_jkt: another key, or none', 'no DPoP proof'],
  },
  {
    title: 'an expired code',
    send: async (scene) => {
      const code = await codeOf(scene)
      await changeCode(code, '$.expiresAt', nowSeconds() - 5)
      await env.CODES.delete(await tokenDigestOf(code))
      return tokenRequest(redemptionOf(scene.client, code, { code_verifier: PKCE.verifier }))
    },
    fails: FAILS.expired,
    says: ['Expired', 's ago', 'Expires'],
  },
  {
    title: 'a code that was used',
    send: async (scene) => {
      const code = await codeOf(scene)
      const fields = redemptionOf(scene.client, code, { code_verifier: PKCE.verifier })
      await post('/token', fields)
      await env.DB.prepare('UPDATE authorization_code SET spent_at = spent_at - 40').run()
      return tokenRequest(fields)
    },
    fails: FAILS.spending,
    says: ['Replayed 4', 's after its use', 'also ends what the first use bought'],
  },
  {
    title: 'a code whose user was disabled',
    send: async (scene) => {
      const other = await newUser()
      const code = await codeOf({ ...scene, cookie: await signIn(other) })
      await env.DB.prepare('UPDATE user SET disabled_at = 1 WHERE user_id = ?1')
        .bind(other.id)
        .run()
      return tokenRequest(redemptionOf(scene.client, code, { code_verifier: PKCE.verifier }))
    },
    fails: FAILS.spending,
    says: ['What the user granted no longer holds'],
  },
  {
    title: 'an unknown refresh token',
    send: refreshing({ refresh_token: mintToken('refreshToken') }),
    fails: FAILS.refreshToken,
    says: ['not of this client: it is unknown'],
  },
  {
    title: 'a refresh token of another client',
    send: async (scene) => {
      const other = await newClient({ grantTypes: ALL, name: 'Secret project' })
      const { refresh } = await userTokens(other)
      return refreshing({ refresh_token: refresh })(scene)
    },
    fails: FAILS.refreshToken,
    says: ['not of this client: it is unknown'],
  },
  {
    title: 'a refresh token that was used long ago',
    send: async (scene) => {
      const sent = await refreshing()(scene)
      await post('/token', Object.fromEntries(new URLSearchParams(sent.body ?? '')))
      await env.DB.prepare('UPDATE refresh_token SET spent_at = spent_at - 400').run()
      return sent
    },
    fails: FAILS.reuse,
    says: ['Shown again', 'This check ended nothing'],
  },
  {
    title: 'a retry of a refresh',
    send: async (scene) => {
      const sent = await refreshing()(scene)
      await post('/token', Object.fromEntries(new URLSearchParams(sent.body ?? '')))
      return sent
    },
    fails: null,
  },
  {
    title: 'a refresh token whose family ended',
    send: async (scene) => {
      const sent = await refreshing()(scene)
      await env.DB.prepare('UPDATE refresh_family SET ended_at = ?1 WHERE client_id = ?2')
        .bind(nowSeconds() - 9, scene.client.id)
        .run()
      return sent
    },
    fails: FAILS.expired,
    says: ['Its family ended'],
  },
  {
    title: 'a refresh for more than was granted',
    send: refreshing({ scope: 'submission:create' }),
    fails: FAILS.target,
    says: ['Scopes that the user allowed', 'submission:read', 'submission:create: authorized'],
  },
]

/** Requests of a client that signs with its own key. */
export const ASSERTION_CASES: readonly Case[] = [
  { title: 'an assertion', send: asserted(), fails: null },
  {
    title: 'an assertion for another audience',
    send: asserted({ claims: { aud: 'https://elsewhere.example' } }),
    fails: FAILS.assertion,
    says: ['aud is not the issuer alone', 'https://elsewhere.example'],
  },
  {
    title: 'an assertion that expired',
    send: asserted({ claims: { exp: nowSeconds() - 300 } }),
    fails: FAILS.assertion,
    says: ['"exp"', 's ago'],
  },
  {
    title: 'an assertion with an unknown kid',
    send: asserted({ header: { kid: 'two' } }),
    fails: FAILS.assertion,
    says: ['kid two', 'kid one'],
  },
  {
    title: 'an assertion that was used',
    send: async (scene) => {
      const sent = await asserted()(scene)
      await post('/token', Object.fromEntries(new URLSearchParams(sent.body ?? '')))
      return sent
    },
    fails: FAILS.assertion,
    says: ['Client assertion: used before'],
  },
  {
    title: 'only the client_id of a client with keys',
    send: ({ client }) => tokenRequest({ grant_type: 'client_credentials', client_id: client.id }),
    fails: FAILS.method,
    says: ['private_key_jwt', 'client_id alone'],
  },
]

export const AUTHORIZATION_CASES: readonly Case[] = [
  { title: 'an authorization request', send: authorizing(), fails: null },
  {
    title: 'another redirect_uri',
    send: authorizing({ redirect_uri: 'https://client.example/calback' }),
    fails: FAILS.redirect,
    says: [
      'differs from the nearest registered one at character',
      'To register another redirect URI, go to Edit',
      'Registered',
    ],
  },
  {
    title: 'a scheme that the operator does not accept',
    registered: { authMethod: 'none', redirectUris: [CALLBACK, 'cursor://back'] },
    send: authorizing({ redirect_uri: 'cursor://back' }),
    fails: FAILS.redirect,
    says: ['The scheme "cursor" is not one that the operator accepts'],
  },
  {
    title: 'no redirect_uri when one is registered',
    send: authorizing({}, ['redirect_uri']),
    fails: null,
  },
  {
    title: 'no redirect_uri when two are registered',
    registered: { redirectUris: [CALLBACK, 'https://client.example/second'] },
    send: authorizing({}, ['redirect_uri']),
    fails: FAILS.redirect,
    says: ['redirect_uri is missing, and 2 are registered', 'https://client.example/second'],
  },
  {
    title: 'redirect_uri twice',
    send: ({ client }) =>
      authorizationRequest([...Object.entries(requestOf(client)), ['redirect_uri', CALLBACK]]),
    fails: FAILS.once,
    says: ['The parameter redirect_uri is included more than once'],
  },
  {
    title: 'scope twice',
    send: ({ client }) =>
      authorizationRequest([...Object.entries(requestOf(client)), ['scope', 'public:read']]),
    fails: FAILS.repeated,
    says: ['The parameter scope is included more than once'],
  },
  {
    title: 'a disabled client',
    send: async ({ client }) => {
      await disableClient(admin(), client.id, null)
      return authorizing()({ client } as Scene)
    },
    fails: FAILS.client,
    says: ['Disabled client'],
  },
  {
    title: 'another response_type',
    send: authorizing({ response_type: 'token' }),
    fails: FAILS.responseType,
    says: ['response_type "token"'],
  },
  {
    title: 'a state with a control character',
    send: authorizing({ state: 'a\u0007b' }),
    fails: FAILS.state,
    says: ['contains a control character'],
  },
  {
    title: 'a grant type that was only requested',
    registered: { requestedOnly: true },
    send: authorizing(),
    fails: FAILS.approved,
    says: ['authorization_code: requested on'],
  },
  {
    title: 'a scope that is not approved',
    send: authorizing({ scope: 'submission:approve' }),
    fails: FAILS.target,
    says: ['submission:approve: never asked for'],
  },
  {
    title: 'no code_challenge of a public client',
    registered: { authMethod: 'none' },
    send: authorizing({}, ['code_challenge', 'code_challenge_method']),
    fails: FAILS.challenge,
    says: ['The parameter code_challenge is missing'],
  },
  {
    title: 'the method plain',
    send: authorizing({ code_challenge_method: 'plain' }),
    fails: FAILS.challenge,
    says: ['must be S256', 'Asked for "plain"'],
  },
  {
    title: 'a malformed dpop_jkt',
    send: authorizing({ dpop_jkt: 'x' }),
    fails: FAILS.dpopJkt,
    says: ['not a SHA-256 thumbprint'],
  },
  {
    title: 'an unknown prompt',
    send: authorizing({ prompt: 'create' }),
    fails: FAILS.prompt,
    says: ['Prompt "create"'],
  },
  {
    title: 'prompt=none without a consent',
    send: authorizing({ prompt: 'none' }),
    fails: FAILS.user,
    says: ['The user must consent'],
  },
  {
    title: 'a scope that the user does not hold',
    send: authorizing({ scope: 'submission:create' }),
    fails: FAILS.user,
    says: ['holds none of'],
  },
]
