/** Clients with a metadata document: how a document is published, and what its client requests. */

import { env } from 'cloudflare:workers'
import { ATTEMPT_SECONDS } from '../../src/domain/client-document.ts'
import { createScope } from '../../src/flows/registration/scopes.ts'
import { asserting, assertionOf, type Key, keySetOf } from './keys.ts'
import { admin } from './registering.ts'
import {
  allowing,
  authorizePath,
  type Fetch,
  newUser,
  PKCE,
  post,
  sentTo,
  serve,
  signIn,
  withChallenge,
} from './registry.ts'
import { documentAt, newHost, publish, served } from './world.ts'

/** A registry that accepts metadata documents of every host. */
export const accepting = serve({ CLIENT_DOCUMENTS: 'any' })

export type Published = Readonly<{ id: string; host: string; callback: string }>

/** Publishes a metadata document with these additional members at a new host. */
export async function newDocument(
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<Published> {
  const host = newHost()
  const id = `https://${host}/client.json`
  await publish(id, served(documentAt(id, more), headers))
  return { id, host, callback: `https://${host}/callback` }
}

/** Replaces the metadata document of this client. */
export const republish = (
  { id }: Published,
  more: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
) => publish(id, served(documentAt(id, more), headers))

export const keyed = (key: Key, more: Readonly<Record<string, unknown>> = {}) => ({
  token_endpoint_auth_method: 'private_key_jwt',
  jwks: JSON.parse(keySetOf(key.jwk)) as object,
  ...more,
})

/** Declares a scope that every self-registered client gets. */
export async function declareOpenScope(name = 'public:read') {
  await createScope(admin(), {
    name,
    sentence: 'Read what is public',
    selfRegistered: true,
    sensitive: false,
  })
}

export const asked = (client: Published, more: Readonly<Record<string, string>> = {}) => ({
  response_type: 'code',
  client_id: client.id,
  redirect_uri: client.callback,
  state: 'af0ifjsldkj',
  ...withChallenge,
  ...more,
})

export const visit = (
  cookie: string,
  client: Published,
  more: Readonly<Record<string, string>> = {},
  fetch: Fetch = accepting,
) => fetch(authorizePath(asked(client, more)), { headers: { Cookie: cookie } })

/** The answer to the consent page with everything allowed. */
export async function consent(
  cookie: string,
  client: Published,
  more: Readonly<Record<string, string>> = {},
  fetch: Fetch = accepting,
): Promise<URL> {
  const page = await visit(cookie, client, more, fetch)
  if (page.status === 303) return sentTo(page)
  if (page.status !== 200) throw new Error(`no consent page but ${page.status}`)
  return sentTo(await post('/authorize', allowing(await page.text()), { Cookie: cookie }, fetch))
}

export async function codeFor(cookie: string, client: Published, fetch: Fetch = accepting) {
  const code = (await consent(cookie, client, {}, fetch)).searchParams.get('code')
  if (code === null) throw new Error('no code')
  return code
}

export const redeem = (
  client: Published,
  code: string,
  more: Readonly<Record<string, string>> = {},
  fetch: Fetch = accepting,
) =>
  post(
    '/token',
    {
      grant_type: 'authorization_code',
      client_id: client.id,
      code,
      redirect_uri: client.callback,
      code_verifier: PKCE.verifier,
      ...more,
    },
    {},
    fetch,
  )

export const refresh = (
  client: Published,
  refresh_token: string,
  more: Readonly<Record<string, string>> = {},
  fetch: Fetch = accepting,
) =>
  post(
    '/token',
    { grant_type: 'refresh_token', client_id: client.id, refresh_token, ...more },
    {},
    fetch,
  )

/** The fields by which a client with this key authenticates once. */
export const signedBy = async (client: Published, key: Key) =>
  asserting(await assertionOf(client.id as never, key))

export type Grant = Readonly<{ access_token: string; refresh_token: string; scope: string }>
export const granted = async (response: Response) => (await response.json()) as Grant

/** Tokens of a signed-in user's consent. */
export async function tokensFor(
  client: Published,
  more: Readonly<Record<string, string>> = {},
  cookie?: string,
): Promise<Grant> {
  const session = cookie ?? (await signIn(await newUser()))
  const response = await redeem(client, await codeFor(session, client), more)
  if (response.status !== 200) throw new Error(`no tokens but ${await response.text()}`)
  return granted(response)
}

/** Makes the document, and the last request to its host, this many seconds older. */
export const age = ({ id, host }: Published, seconds: number) =>
  env.DB.batch([
    env.DB.prepare(
      'UPDATE client_document SET fetched_at = fetched_at - ?2, fresh_until = fresh_until - ?2 WHERE client_id = ?1',
    ).bind(id, seconds),
    env.DB.prepare(
      'UPDATE document_attempt SET attempted_at_ms = attempted_at_ms - ?2 * 1000 WHERE host = ?1',
    ).bind(host, seconds),
  ])

/** The most requests that a host without a valid response gets since then: one, and one more for each ten seconds. */
export const mostAttemptsSince = (begunMs: number) =>
  1 + Math.floor((Date.now() - begunMs) / (ATTEMPT_SECONDS * 1000))

/** Removes the record of the last request to the host. */
export const forgetAttempt = ({ host }: Pick<Published, 'host'>) =>
  env.DB.prepare('DELETE FROM document_attempt WHERE host = ?1').bind(host).run()
