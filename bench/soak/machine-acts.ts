/** The acts of clients and services without a user: tokens, checks, introspection, revocation, and bad requests. */

import { jwtVerify } from 'jose'
import type { Answer, Request } from './conversation.ts'
import {
  isSurelyValid,
  ONE_SESSION_MS,
  recordRevocation,
  recordRevocationStart,
  type Secret,
  type Token,
  verdictOf,
  verdictOfSecret,
} from './truth.ts'
import {
  addToken,
  CLIENT_CACHE_MS,
  type Client,
  newestOf,
  pick,
  requestAs,
  SCOPES,
  SPARE_SCOPE,
  sameScopes,
  someOf,
  tokenRequestAs,
  type World,
} from './world.ts'

const KIND = 'client_credentials'

type TokenBody = Readonly<{ access_token: string; refresh_token?: string; scope: string }>
const bodyOf = ({ text }: Answer) => JSON.parse(text) as TokenBody

const askToken = (world: World, client: Client, scopes: readonly string[], secret: Secret) => {
  const form = { grant_type: 'client_credentials', scope: scopes.join(' ') }
  return world.talk.insist(KIND, tokenRequestAs(world, client, form, secret))
}

type Holder = Readonly<{ client: Client; username: string | null; scopes: readonly string[] }>

/** Records the tokens of a response. */
export function heldFor(
  world: World,
  kind: string,
  answer: Answer,
  { client, username, scopes }: Holder,
) {
  const { access_token: text, refresh_token: refresh = '', scope } = bodyOf(answer)
  if (!sameScopes(scope.split(' '), scopes)) world.talk.wrong(kind, `other scopes: ${scope}`)
  return { token: addToken(world, { text, clientId: client.id, username, scopes }), refresh }
}

const heldBy = (world: World, client: Client, answer: Answer, scopes: readonly string[]) =>
  heldFor(world, KIND, answer, { client, username: null, scopes }).token

export async function issueToken(world: World): Promise<void> {
  const client = pick([world.clients.machine, world.clients.basic]) ?? world.clients.machine
  const scopes = someOf(SCOPES)
  const { answer } = await askToken(world, client, scopes, newestOf(client))
  if (world.talk.expect(KIND, answer, 200)) heldBy(world, client, answer, scopes)
}

/** Requests a token with the newest secret or the one before it. */
export async function issueWithRotatedSecret(world: World): Promise<void> {
  const client = world.clients.rotated
  const secret = pick(client.secrets.slice(-2)) ?? newestOf(client)
  const { answer } = await askToken(world, client, SCOPES, secret)
  const verdict = verdictOfSecret(secret, answer.begunMs, answer.endedMs)
  const expected = { accepted: [200], refused: [401, 429], either: [200, 401, 429] }[verdict]
  const isExpected = world.talk.expect(`${KIND}, secret rotated`, answer, ...expected)
  if (isExpected && answer.status === 200) heldBy(world, client, answer, SCOPES)
}

/** A withdrawn scope may still be issued from a cached client record. The token is then already revoked. */
export async function issueSpare(world: World): Promise<void> {
  const { spare, talk } = world
  const { spare: client } = world.clients
  const scopes = pick([['public:read'], ['public:read', SPARE_SCOPE]]) ?? []
  const before = { ...spare }
  const { answer } = await askToken(world, client, scopes, newestOf(client))
  const isSteady = spare.state === before.state && spare.sinceMs === before.sinceMs
  const wantsSpare = scopes.includes(SPARE_SCOPE)
  const mayBeCached = answer.begunMs < before.sinceMs + CLIENT_CACHE_MS
  const mayRefuse = wantsSpare && !(isSteady && before.state === 'authorized')
  const mustRefuse = wantsSpare && isSteady && before.state === 'withdrawn' && !mayBeCached
  const expected = mustRefuse ? [400] : mayRefuse ? [200, 400] : [200]
  if (!talk.expect(`${KIND}, scope withdrawn`, answer, ...expected) || answer.status !== 200) return
  const token = heldBy(world, client, answer, scopes)
  // A token from an old record is revoked even if it lacks the withdrawn scope.
  const isDoubtful = before.state === 'either' || (before.state === 'withdrawn' && mayBeCached)
  if (!isSteady || isDoubtful) recordRevocationStart(token, answer.begunMs)
  if (isSteady && wantsSpare && before.state === 'withdrawn') {
    recordRevocation(token, answer.endedMs, before.withinMs, 'issued on an old record')
  }
}

const endOf = ({ revocation }: Token) =>
  `${revocation.by} ${((Date.now() - revocation.freshMs) / 1000).toFixed(1)} s ago`

/** Any token, half of the time one of the last hundred. */
const anyToken = ({ tokens }: World) => pick(Math.random() < 0.5 ? tokens.slice(-100) : tokens)

export async function checkToken(
  world: World,
  token: Token | undefined = anyToken(world),
  how: 'plain' | 'fresh' = Math.random() < 0.2 ? 'fresh' : 'plain',
): Promise<void> {
  if (!token) return
  const { service, talk } = world
  const scope = Math.random() < 0.5 ? pick(SCOPES) : undefined
  const query = new URLSearchParams({
    ...(scope && { scope }),
    ...(how === 'fresh' && { fresh: '' }),
  })
  const kind = how === 'fresh' ? 'check, fresh' : 'check'
  const headers = { Authorization: `Bearer ${token.text}` }
  const answer = await talk.ask(kind, { url: `${service.authenticator}/auth?${query}`, headers })
  if (!answer) return
  const verdict = verdictOf(token, how, answer.begunMs, answer.endedMs)
  if (answer.status === 401) {
    if (verdict === 'accepted') talk.lost(kind, 'a live token is refused')
    return
  }
  if (verdict === 'refused') return talk.wrong(kind, `${answer.status} though ${endOf(token)}`)
  const holds = scope === undefined || token.scopes.includes(scope)
  if (!talk.expect(kind, answer, holds ? 200 : 403) || !holds) return
  const key = new TextEncoder().encode(service.env.JWT_SECRET)
  const jwt = answer.headers.get('Authorization') ?? ''
  const { payload } = await jwtVerify(jwt, key, { issuer: service.registry })
  const { client, user } = payload as Record<'client' | 'user', Record<string, string> | null>
  const isTheirs =
    client?.client_id === token.clientId && (user?.username ?? null) === token.username
  if (!isTheirs) talk.wrong(kind, "another's session")
}

export async function introspectToken(world: World, token = anyToken(world)): Promise<void> {
  if (!token) return
  const { service, talk, clients } = world
  const request = requestAs(clients.machine, `${service.registry}/introspect`, {
    token: token.text,
  })
  const answer = await talk.ask('introspection', request)
  if (!answer || !talk.expect('introspection', answer, 200)) return
  const told = JSON.parse(answer.text) as Record<string, string | boolean>
  const verdict = verdictOf(token, 'fresh', answer.begunMs, answer.endedMs)
  if (told.active !== true) {
    if (verdict === 'accepted') talk.lost('introspection', 'a live token is not active')
    return
  }
  if (verdict === 'refused') talk.wrong('introspection', `active though ${endOf(token)}`)
  const isTheirs = told.client_id === token.clientId && (told.username ?? null) === token.username
  if (!isTheirs || !sameScopes(String(told.scope).split(' '), token.scopes)) {
    talk.wrong('introspection', 'other than what was granted')
  }
}

/** Revokes a token, and checks that it is refused. */
export async function revokeToken(world: World): Promise<void> {
  const token = anyToken(world)
  const client = Object.values(world.clients).find(({ id }) => id === token?.clientId)
  if (!token || !client || !isSurelyValid(token)) return
  recordRevocationStart(token, Date.now())
  const request = requestAs(client, `${world.service.registry}/revoke`, { token: token.text })
  const { answer } = await world.talk.insist('revocation', request)
  if (!world.talk.expect('revocation', answer, 200)) return
  recordRevocation(token, answer.endedMs, ONE_SESSION_MS, 'revoked')
  await checkToken(world, token, 'plain')
  await checkToken(world, token, 'fresh')
  await introspectToken(world, token)
}

export async function askBadly(world: World): Promise<void> {
  const { service, talk, clients } = world
  const { registry, authenticator } = service
  const bearer = (text: string) => ({
    url: `${authenticator}/auth`,
    headers: { Authorization: `Bearer ${text}` },
  })
  const token = `${registry}/token`
  const wrongSecret = { text: `regs_${'x'.repeat(49)}`, goodUntilMs: 0, badFromMs: 0 }
  const machine = (form: Record<string, string>, url = token) =>
    requestAs(clients.machine, url, form)
  const bad: readonly (readonly [string, Request, ...number[]])[] = [
    ['junk token', bearer(`reg_${'x'.repeat(49)}`), 401],
    ['nobody', { url: `${authenticator}/auth` }, 200],
    ['nobody, scope required', { url: `${authenticator}/auth?scope=public:read` }, 401],
    ['unknown grant', machine({ grant_type: 'password' }), 400],
    ['unknown scope', machine({ grant_type: 'client_credentials', scope: 'no:such' }), 400],
    ['secret in the URL', machine({}, `${token}?client_secret=x`), 400],
    [
      'junk code',
      requestAs(clients.web, token, {
        grant_type: 'authorization_code',
        code: 'junk',
        redirect_uri: 'x',
      }),
      400,
    ],
    [
      'junk refresh token',
      requestAs(clients.web, token, { grant_type: 'refresh_token', refresh_token: 'junk' }),
      400,
    ],
    [
      'wrong secret',
      requestAs(clients.basic, token, { grant_type: 'client_credentials' }, wrongSecret),
      401,
      429,
    ],
    ['unknown client', { url: `${registry}/authorize?client_id=nobody` }, 400],
  ]
  const [kind, request, ...expected] = pick(bad) ?? ['', { url: registry }]
  const answer = await talk.ask('bad request', request)
  if (answer) talk.expect(kind, answer, ...expected)
}
