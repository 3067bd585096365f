/**
 * Creates, changes and deletes a client with a client library that is generated from /openapi.json: openapi-typescript writes
 * registry-api.d.ts, with which openapi-fetch and the compiler check every path, parameter, body and response below.
 */

import process from 'node:process'
import createClient from 'openapi-fetch'

/** @typedef {import('./registry-api.d.ts').paths} Paths */

const { REGISTRY = '', CLIENT_ID = '', CLIENT_SECRET = '' } = process.env

/** @type {import('openapi-fetch').Client<Paths>} */
const api = createClient({ baseUrl: REGISTRY })

/** @param {string} id @param {string} secret */
const basic = (id, secret) =>
  `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`
const form = { 'Content-Type': 'application/x-www-form-urlencoded' }

/** @param {string} id @param {string} secret @param {string} scope */
async function tokenOf(id, secret, scope) {
  const { data, error } = await api.POST('/token', {
    headers: { ...form, Authorization: basic(id, secret) },
    body: { grant_type: 'client_credentials', scope },
  })
  if (!data) throw new Error(error?.error_description)
  return data.access_token
}

/** The data of a response, which must not be a problem. @template T @param {{ data?: T, error?: unknown }} response */
function must({ data, error }) {
  if (data === undefined) throw new Error(JSON.stringify(error))
  return data
}

/** @param {string} step @param {unknown} value */
const say = (step, value) => console.log(`${step} ${JSON.stringify(value)}`)

const token = await tokenOf(CLIENT_ID, CLIENT_SECRET, 'registry:admin')
/** @type {import('openapi-fetch').Client<Paths>} */
const admin = createClient({ baseUrl: REGISTRY, headers: { Authorization: `Bearer ${token}` } })

const created = await admin.POST('/admin/v1/clients', {
  body: {
    name: 'Reading list',
    owner_id: 'library',
    grant_types: ['client_credentials'],
    scopes: ['submission:read'],
  },
})
const client = must(created)
if (!('client_secret' in client) || client.client_secret === undefined) throw new Error('no secret')
const path = { client_id: client.client_id }
say('CREATED', { name: client.name, scopes: client.scopes })

const access = await tokenOf(client.client_id, client.client_secret, 'submission:read')
const listed = must(
  await admin.GET('/admin/v1/clients', { params: { query: { owner_id: 'library', limit: 10 } } }),
)
say(
  'LISTED',
  listed.items.map(({ client_id }) => client_id === client.client_id),
)

// The id of a client with a metadata document is a URL, which is percent-encoded in the path.
const address = 'https://app.example/oauth/client.json?v=1'
const unknown = await admin.GET('/admin/v1/clients/{client_id}', {
  params: { path: { client_id: address } },
})
if (!unknown.error || !('detail' in unknown.error)) throw new Error('there is such a client')
say('ADDRESS', unknown.error.detail?.includes(address))

const etag = created.response.headers.get('ETag') ?? ''
const changed = await admin.PATCH('/admin/v1/clients/{client_id}', {
  params: { path, header: { 'If-Match': etag } },
  body: { name: 'Reading', may_introspect: true },
})
say('CHANGED', must(changed).name)

const stale = await admin.PATCH('/admin/v1/clients/{client_id}', {
  params: { path, header: { 'If-Match': etag } },
  body: { name: 'Lost' },
})
say('STALE', { status: stale.error?.status, field: stale.error?.field })

const rotated = must(
  await admin.POST('/admin/v1/clients/{client_id}/secrets', {
    params: { path, header: { 'If-Match': '*' } },
    body: { overlap_seconds: 60 },
  }),
)
const asked = must(
  await api.POST('/introspect', {
    headers: { ...form, Authorization: basic(client.client_id, rotated.client_secret) },
    body: { token: access },
  }),
)
say('INTROSPECTED', { active: asked.active, scope: asked.scope })

const permitted = must(
  await admin.POST('/admin/v1/clients/{client_id}/permissions', {
    params: { path, header: { 'If-Match': '*' } },
    body: { authorize: { scopes: ['public:read'] } },
  }),
)
say('PERMITTED', permitted.scopes)

const revoked = must(
  await admin.POST('/admin/v1/sessions/revocations', { body: { client_id: client.client_id } }),
)
say('REVOKED', revoked.revoked)

const metadata = must(await api.GET('/.well-known/oauth-authorization-server'))
say('ISSUER', metadata.issuer === REGISTRY)

const deleted = must(
  await admin.DELETE('/admin/v1/clients/{client_id}', {
    params: { path, header: { 'If-Match': '*' } },
  }),
)
say('DELETED', deleted.name)
const gone = await admin.GET('/admin/v1/clients/{client_id}', { params: { path } })
say('GONE', gone.error?.status)

const { items } = must(
  await admin.GET('/admin/v1/audit', { params: { query: { client_id: client.client_id } } }),
)
say('AUDIT', items.map(({ event }) => event).reverse())
