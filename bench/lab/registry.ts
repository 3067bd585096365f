/** A registry and an authenticator in this process, on SQLite and a map, with a client, a user and a browser. */

import { resolve } from 'node:path'
import type { Bindings } from '../../src/compose.ts'
import { buildWorker } from '../../src/local/build-worker.ts'
import { fieldsOf, type Pair } from '../../test/node/forms.ts'
import { memoryNamespace } from '../memory/namespace.ts'
import { CALLBACK, GRANTED_SCOPES, ISSUER, JWT_SECRET, SIGNING_KEYS } from '../subject.ts'
import type * as Entry from './entry.ts'
import { sqliteDatabase } from './sqlite-database.ts'
import { type Around, watchDatabase, watchNamespace } from './watch.ts'

const FORM = { 'Content-Type': 'application/x-www-form-urlencoded' }

export type Answered = Readonly<{ status: number; location: string; body: string }>
/** Resolves with the response. Deferred work may still be running. */
export type Send = (path: string, init?: RequestInit) => Promise<Answered>

/** Bundles both Workers and the stores, and loads them into this process. */
async function loadLab(): Promise<typeof Entry> {
  const module = await buildWorker(resolve(import.meta.dirname, 'entry.ts'))
  return import(`data:text/javascript;base64,${Buffer.from(module).toString('base64')}`)
}

const plainly: Around = (_operation, act) => act()

const read = async (response: Response): Promise<Answered> => ({
  status: response.status,
  location: response.headers.get('Location') ?? '',
  body: await response.text(),
})

/** `DB` may be another database. */
export async function openLab(clientCacheSeconds: number, DB = sqliteDatabase()) {
  const lab = await loadLab()
  const stored = { DB, SESSIONS: memoryNamespace(), CODES: memoryNamespace() }
  let around = plainly
  const watch: Around = (operation, act) => around(operation, act)
  const unlimited = { limit: async () => ({ success: true }) }
  const watched = {
    DB: watchDatabase(stored.DB, watch),
    SESSIONS: watchNamespace(stored.SESSIONS, watch),
    CODES: watchNamespace(stored.CODES, watch),
  }
  const bindings: Bindings = {
    ...watched,
    LOGIN_LIMIT: unlimited,
    REFUSAL_LIMIT: unlimited,
    ISSUER,
    SIGNING_KEYS,
    ...{ CLIENT_CACHE_SECONDS: String(clientCacheSeconds), LOG_ANSWERS: 'refusals' },
  }
  const secret = lab.mintToken('clientSecret')
  const example = lab.exampleClient('')
  const grantTypes = ['client_credentials', 'authorization_code', 'refresh_token'] as const
  const id = await lab
    .clientRegistry(DB)
    .create({ ...example, mayIntrospect: true, grantTypes }, await lab.hexDigest(secret), {
      mode: 'authorize',
      now: Math.floor(Date.now() / 1000),
    })
  await lab.insertService(DB)

  /** The cookie of a new user who is signed in. */
  const signedIn = async () => {
    const userId = await lab.newUser(DB)
    const cookie = lab.mintToken('browserSession')
    const session = { ...lab.exampleSession(example, lab.exampleUser(userId)), client: null }
    // Without an expiry, because in a long run KV drops the oldest keys that expire.
    await stored.SESSIONS.put(await lab.digest(cookie), JSON.stringify(session))
    return { Cookie: `registry_session=${cookie}` }
  }

  /** A new registry for each call, so that nothing is cached. */
  const freshRegistry = (): Send => {
    const registry = lab.compose(bindings)
    const context = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} }
    return async (path, init) => {
      const request = new Request(new URL(path, ISSUER), { redirect: 'manual', ...init })
      return read(await registry.fetch(request, bindings, context))
    }
  }
  const freshAuthenticator = (): Send => {
    const { DB, SESSIONS } = watched
    const authenticator = lab.createAuthenticator({
      ...{ DB, SESSIONS, ISSUER, JWT_SECRET },
      REGISTRY: { fetch: async () => Response.json(await lab.publicKeys(lab.signingKeys)) },
    })
    return async (path, init) => read(await authenticator.fetch(new Request(ISSUER + path, init)))
  }
  return {
    credentials: { id, secret },
    cookie: await signedIn(),
    /** The cookie of a user who has allowed the client to use a service with signed tokens. */
    cookieForSigned: await signedIn(),
    freshRegistry,
    freshAuthenticator,
    setAround: (next: Around | null) => {
      around = next ?? plainly
    },
  }
}

export type Lab = Awaited<ReturnType<typeof openLab>>

export const post = (fields: Readonly<Record<string, string>> | Pair[], headers = {}) => ({
  method: 'POST',
  headers: { ...FORM, ...headers },
  body: new URLSearchParams(fields as Record<string, string>).toString(),
})

/** The form of a consent page, with the checkboxes of these scopes ticked. */
export const agreementTo = ({ body }: Answered, scopes: readonly string[]): Pair[] => [
  ...(fieldsOf(body, '/authorize') ?? []).filter(
    ([name, value]) => name !== 'grant' || scopes.includes(value),
  ),
  ['confirm', 'ok'],
]

/** Gives consent once, so that it is remembered for later requests. */
export async function consentOnce(
  send: Send,
  path: string,
  cookie: Readonly<Record<string, string>>,
): Promise<void> {
  const page = await send(path, { headers: cookie })
  const agreed = await send('/authorize', post(agreementTo(page, GRANTED_SCOPES), cookie))
  if (!agreed.location.startsWith(CALLBACK)) throw new Error(`no consent: ${agreed.body}`)
}
