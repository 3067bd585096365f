/**
 * An accounts service as a separate Worker, on the path `/accounts` of the registry's host. It signs users in, writes
 * their sessions to the KV namespace of the registry and the authenticator, and signs users out through the registry.
 * docs/accounts-service.md is the contract. The code imports nothing of the registry: copy it, and replace `findUser`.
 */

type Env = Readonly<{
  /** The origin of the registry and of this service. */
  ISSUER: string
  BROWSER_SESSION_LIFETIME_SECONDS: string | number
  USERS: string
  SESSIONS: KVNamespace
  LOGIN_LIMIT: RateLimit
}>

type User = Readonly<{
  user_id: string
  username: string
  email: string
  scopes: readonly string[]
  endorsements: readonly string[]
}>

const PATH = '/accounts'
const FORM_LIFETIME_SECONDS = 3600

const base64url = (bytes: Uint8Array) =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
const sha256 = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)))

const isSecure = ({ ISSUER }: Env) => ISSUER.startsWith('https://')
/** Browsers accept a `__Host-` cookie only over https, and only from this host. */
const cookieName = (env: Env, name: string) => (isSecure(env) ? `__Host-${name}` : name)
const cookie = (env: Env, name: string, value: string, maxAge: number) =>
  `${cookieName(env, name)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}${isSecure(env) ? '; Secure' : ''}`
const cookieIn = (request: Request, env: Env, name: string) =>
  (request.headers.get('Cookie') ?? '')
    .split(/; */)
    .find((pair) => pair.startsWith(`${cookieName(env, name)}=`))
    ?.slice(cookieName(env, name).length + 1)

/** The URL after the sign-in, if it is at the registry's origin, and otherwise the start page. */
function nextPageOf(text: string | null, { ISSUER }: Env): string {
  if (text === null || !URL.canParse(text)) return `${ISSUER}/`
  const url = new URL(text)
  return url.origin === ISSUER ? url.href : `${ISSUER}/`
}

/** Replace this function by your directory or your single sign-on. */
async function findUser(username: string, password: string, env: Env): Promise<User | null> {
  const users = JSON.parse(env.USERS) as readonly (User & { password_sha256: string })[]
  const digest = [...(await sha256(password))].map((byte) => byte.toString(16).padStart(2, '0'))
  const user = users.find((one) => one.username === username.trim().toLowerCase())
  const isRight = user !== undefined && digest.join('') === user.password_sha256
  return isRight ? user : null
}

/** Stores the record under the key that the registry reads. Returns the value of the cookie. */
async function openSession(user: User, request: Request, env: Env): Promise<string> {
  const token = `accounts-${random()}`
  const lifetimeSeconds = Number(env.BROWSER_SESSION_LIFETIME_SECONDS)
  const address = request.headers.get('CF-Connecting-IP') ?? ''
  const now = Date.now()
  const record = {
    session_id: crypto.randomUUID(),
    start_time: new Date(now).toISOString(),
    end_time: new Date(now + lifetimeSeconds * 1000).toISOString(),
    user: { user_id: user.user_id, username: user.username, email: user.email },
    client: null,
    authorizations: { classic: 0, scopes: user.scopes, endorsements: user.endorsements },
    ip_address: address,
    remote_host: address,
    nonce: random(),
  }
  const key = base64url(await sha256(token))
  await env.SESSIONS.put(key, JSON.stringify(record), { expirationTtl: lifetimeSeconds })
  return token
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}
const escaped = (text: string) => text.replace(/[&<>"]/g, (character) => escapes[character] ?? '')
const hidden = (name: string, value: string) =>
  `<input type="hidden" name="${name}" value="${escaped(value)}">`

/** Without `form-action`, which browsers would apply to the redirects to the application after the sign-in. */
const POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

const page = (title: string, body: string, status = 200, headers: Record<string, string> = {}) =>
  new Response(
    `<!DOCTYPE html><html lang="en"><title>${title}</title><h1>${title}</h1>${body}</html>`,
    {
      status,
      headers: {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy': POLICY,
        'Cache-Control': 'no-store',
        'Referrer-Policy': 'no-referrer',
        ...headers,
      },
    },
  )

type Shown = Readonly<{ problem?: string; status?: number; username?: string }>

/** Always asks for the password, so that every session is a new sign-in, as `prompt=login` requires. */
async function signInPage(env: Env, nextPage: string, shown: Shown) {
  const { problem = '', status = 200, username = '' } = shown
  const secret = random()
  const body = `<p role="alert">${problem}</p><form method="post" action="${PATH}/login">
${hidden('next_page', nextPage)}${hidden('form_token', secret)}
<label>Username <input name="username" value="${escaped(username)}" autocomplete="username" required></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form>`
  const headers = { 'Set-Cookie': cookie(env, 'accounts_form', secret, FORM_LIFETIME_SECONDS) }
  return page('Sign in', body, status, headers)
}

async function signIn(request: Request, env: Env): Promise<Response> {
  const form = new URLSearchParams(await request.text())
  const nextPage = nextPageOf(form.get('next_page'), env)
  const secret = cookieIn(request, env, 'accounts_form')
  const isOurs = secret !== undefined && secret !== '' && form.get('form_token') === secret
  if (!isOurs)
    return signInPage(env, nextPage, { problem: 'The form was out of date.', status: 403 })
  const username = form.get('username') ?? ''
  const address = request.headers.get('CF-Connecting-IP') ?? ''
  const limits = await Promise.all(
    [`network ${address}`, `name ${username.trim().toLowerCase()}`].map((key) =>
      env.LOGIN_LIMIT.limit({ key }),
    ),
  )
  if (limits.some(({ success }) => !success)) {
    const problem = 'Too many attempts. Try again in a minute.'
    return signInPage(env, nextPage, { problem, status: 429, username })
  }
  const user = await findUser(username, form.get('password') ?? '', env)
  if (!user) {
    const problem = 'The username or the password is wrong.'
    return signInPage(env, nextPage, { problem, status: 403, username })
  }
  const token = await openSession(user, request, env)
  const headers = new Headers({ Location: nextPage, 'Cache-Control': 'no-store' })
  const lifetimeSeconds = Number(env.BROWSER_SESSION_LIFETIME_SECONDS)
  headers.append('Set-Cookie', cookie(env, 'registry_session', token, lifetimeSeconds))
  headers.append('Set-Cookie', cookie(env, 'accounts_form', '', 0))
  return new Response(null, { status: 303, headers })
}

/** The form posts to the registry, which revokes the session in D1, so that no isolate accepts it. */
async function accountPage(request: Request, env: Env): Promise<Response> {
  const token = cookieIn(request, env, 'registry_session')
  if (!token) return page('Accounts', `<p><a href="${PATH}/login">Sign in</a></p>`)
  const digestOf = async (words: string[]) => base64url(await sha256(JSON.stringify(words)))
  const mark = (await digestOf(['mark', token])).slice(0, 16)
  const formToken = `${mark}.${await digestOf([token, 'sign_out'])}`
  return page(
    'Accounts',
    `<form method="post" action="/logout">${hidden('form_token', formToken)}
${hidden('next_page', `${PATH}/signed-out`)}<button>Sign out</button></form>`,
  )
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url)
    switch (`${request.method} ${url.pathname}`) {
      case `GET ${PATH}`:
        return accountPage(request, env)
      case `GET ${PATH}/login`:
        return signInPage(env, nextPageOf(url.searchParams.get('next_page'), env), {
          username: url.searchParams.get('login_hint') ?? '',
        })
      case `POST ${PATH}/login`:
        return signIn(request, env)
      case `GET ${PATH}/signed-out`:
        return page('Signed out', `<p><a href="${PATH}/login">Sign in again</a></p>`)
      default:
        return page('Not found', '', 404)
    }
  },
}
