/** A trial on the deployment itself: a temporary client and user, their codes and tokens, and their removal. */

import { randomId, randomText } from '../../crypto/random.ts'
import { Refusal } from '../../local/refusal.ts'
import { type ManagementApi, ProblemRefusal, pathOf } from '../api.ts'
import { newBrowser } from './browser.ts'
import { ask } from './check.ts'

/** The ids of the doctor's clients and users begin with this prefix. */
const PREFIX = 'doctor-'
const NAME = 'Temporary client of the doctor'
/** RFC 2606: this host does not exist. No service knows the scope. */
const REDIRECT_URI = 'https://doctor.invalid/callback'
export const TRIAL_SCOPE = 'doctor:check'
/** The time is longer than any run, so that two runs may work at once. */
const LEFT_AFTER_SECONDS = 600
const NOUNS = ['clients', 'users'] as const

/** `error` is a code of the RFCs, or empty. */
type TokenAnswer = Readonly<{ status: number; token: string | null; error: string }>

/** The text for the operator, which never has more than the status and the code of the error. */
export const said = ({ status, error }: Pick<TokenAnswer, 'status' | 'error'>) =>
  `${status}${error && ` ${error}`}`

type Row = Readonly<{ client_id?: string; user_id?: string; created_at: string }>

/** Removes what a killed run left. */
async function removeLeft(api: ManagementApi): Promise<void> {
  const beforeMs = Date.now() - LEFT_AFTER_SECONDS * 1000
  for (const noun of NOUNS) {
    const query = { after: PREFIX, limit: 200 }
    const { body } = await api.call<{ items: Row[] }>({ method: 'GET', path: `/${noun}`, query })
    for (const { client_id, user_id = '', created_at } of body.items) {
      const id = client_id ?? user_id
      if (id.startsWith(PREFIX) && Date.parse(created_at) < beforeMs) await remove(api, noun, id)
    }
  }
}

async function remove(api: ManagementApi, noun: (typeof NOUNS)[number], id: string) {
  const path = pathOf`/${noun}/${id}`
  await api.call({ method: 'DELETE', path, ifMatch: '*' }).catch((fault: unknown) => {
    if (!(fault instanceof ProblemRefusal && fault.status === 404)) throw fault
  })
}

/** Does the work once: all calls get the result of the first. */
export function once<T>(work: () => Promise<T>) {
  let result: Promise<T> | undefined
  return Object.assign(
    () => {
      result ??= work()
      return result
    },
    { hasBegun: () => result !== undefined },
  )
}

export type Trial = ReturnType<typeof newTrial>

export function newTrial(
  api: ManagementApi,
  { issuer, proxySecret }: Readonly<{ issuer: string; proxySecret: string | null }>,
) {
  const id = `${PREFIX}${randomId()}`
  const password = randomText()

  /** Makes the client and returns its secret. */
  const client = once(async () => {
    await removeLeft(api)
    const { body } = await api.call<{ client_secret?: string }>({
      method: 'POST',
      path: '/clients',
      body: {
        client_id: id,
        name: NAME,
        owner_id: PREFIX,
        redirect_uris: [REDIRECT_URI],
        scopes: [TRIAL_SCOPE],
        grant_types: ['authorization_code', 'client_credentials'],
        may_introspect: true,
      },
    })
    if (typeof body.client_secret === 'string') return body.client_secret
    throw new Refusal('the management API made a client without a secret')
  })

  const user = once(async () => {
    const email = 'doctor@doctor.invalid'
    const body = { user_id: id, username: id, email, scopes: [TRIAL_SCOPE], password }
    await api.call({ method: 'POST', path: '/users', body })
  })

  const visit = newBrowser(issuer, { username: id, password })

  async function post(path: string, fields: Readonly<Record<string, string>>, headers = {}) {
    const body = new URLSearchParams({ ...fields, client_id: id, client_secret: await client() })
    return ask(`${issuer}${path}`, { method: 'POST', body, headers })
  }

  async function askAs(path: string, fields: Readonly<Record<string, string>>) {
    const response = await post(path, fields)
    const answer = (await response.json().catch(() => ({}))) as Record<string, unknown>
    return { status: response.status, answer }
  }

  async function askForToken(fields: Readonly<Record<string, string>>): Promise<TokenAnswer> {
    const { status, answer } = await askAs('/token', fields)
    const token = typeof answer.access_token === 'string' ? answer.access_token : null
    const error = /^[a-z_]+$/.test(String(answer.error)) ? String(answer.error) : ''
    return { status, token, error }
  }

  return {
    /** The token of a session that the authenticator has seen; null if there is none yet. */
    seen: null as string | null,

    async isStored(): Promise<boolean> {
      await client()
      const path = pathOf`/clients/${id}`
      const { body } = await api.call<{ client_id?: string }>({ method: 'GET', path })
      return body.client_id === id
    },

    /** Does the registry find the token's session in KV? */
    async isActive(token: string): Promise<boolean> {
      const { answer } = await askAs('/introspect', { token })
      return answer.active === true
    },

    async introspectSigned(token: string) {
      const headers = { Accept: 'application/token-introspection+jwt' }
      const response = await post('/introspect', { token }, headers)
      return { status: response.status, text: await response.text(), clientId: id }
    },

    async present(authenticatorUrl: string, token: string, query = ''): Promise<Response> {
      const response = await ask(`${authenticatorUrl}/auth${query}`, {
        headers: {
          Authorization: `Bearer ${token}`,
          ...(proxySecret !== null && { 'X-Proxy-Secret': proxySecret }),
        },
      })
      // Reading the body frees the connection: only the status and the headers are used.
      await response.arrayBuffer()
      return response
    },

    /** The user signs in, unless this has been done already, and allows the client what it requests. */
    async issueCode(codeChallenge: string): Promise<string> {
      await client()
      await user()
      const query = new URLSearchParams({
        response_type: 'code',
        client_id: id,
        redirect_uri: REDIRECT_URI,
        code_challenge: codeChallenge,
        code_challenge_method: 'S256',
      })
      const { searchParams } = await visit(`${issuer}/authorize?${query}`)
      const code = searchParams.get('code')
      if (code !== null) return code
      throw new Refusal(`/authorize answered ${searchParams.get('error') ?? 'without a code'}`)
    },

    redeem: (code: string, codeVerifier: string) =>
      askForToken({
        grant_type: 'authorization_code',
        code,
        redirect_uri: REDIRECT_URI,
        code_verifier: codeVerifier,
      }),

    ownToken: () => askForToken({ grant_type: 'client_credentials', scope: TRIAL_SCOPE }),

    /** Revokes the token. Returns within how many seconds every check refuses it. */
    async revoke(token: string): Promise<number> {
      const call = { method: 'POST', path: '/sessions/revocations', body: { token } } as const
      const { body } = await api.call<{ effective_within_seconds: number }>(call)
      return body.effective_within_seconds
    },

    /** Removes the client and the user, which ends their sessions. Returns whether there was anything to remove. */
    async remove(): Promise<boolean> {
      if (!client.hasBegun()) return false
      await Promise.allSettled([client(), ...(user.hasBegun() ? [user()] : [])])
      if (user.hasBegun()) await remove(api, 'users', id)
      await remove(api, 'clients', id)
      return true
    },
  }
}
