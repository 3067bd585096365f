/** The registry on a grown database. Clients are chosen at random, so that no database page stays cached. */

import type { Bindings } from '../../src/compose.ts'
import { sessionKeyOf, tokenDigestOf } from '../../src/crypto/digest.ts'
import { mintToken } from '../../src/crypto/token.ts'
import type { ApprovedRedirectUri, ClientId, RegisteredRedirectUri } from '../../src/domain/ids.ts'
import { NO_AUDIENCE } from '../../src/domain/resource.ts'
import { authorizationStore } from '../../src/stores/authorizations.ts'
import { codeStore } from '../../src/stores/codes.ts'
import { sessionStore } from '../../src/stores/live-sessions.ts'
import registry from '../../src/worker.ts'
import { GROWN_SECRET, grownClientId } from '../growth/ids.ts'
import { many, postRequest } from '../handouts.ts'
import type { Handout } from '../operations.ts'
import { CALLBACK, credentialsFields, redemptionFields } from '../subject.ts'
import { newUser } from './bindings.ts'
import {
  exampleClient,
  exampleCode,
  exampleSession,
  exampleUser,
  mintCode,
  mintSession,
} from './fixture.ts'
import { isHandout } from './requests.ts'

type GrownEnv = Bindings & Readonly<{ SIZE: string }>

/** The text in a right response. The response to a revocation is empty. */
const TEXTS: Readonly<Record<string, string>> = { introspection: '"active":true', revocation: '' }
const TOKEN = '"access_token":"'
const SECONDS = 2_592_000

let userId: string | undefined

async function requestFor(operation: string | null, env: GrownEnv): Promise<string> {
  const size = Number(env.SIZE)
  const id = grownClientId(Math.floor(Math.random() * size), size)
  const credentials = { id, secret: GROWN_SECRET }
  if (operation === 'token_cold') return postRequest('/token', credentialsFields(credentials))

  userId ??= await newUser(env.DB)
  const user = exampleUser(userId)
  if (operation === 'introspection' || operation === 'revocation') {
    const session = exampleSession(exampleClient(id), user)
    const token = await mintSession(sessionStore(env.SESSIONS), session)
    const path = operation === 'revocation' ? '/revoke' : '/introspect'
    return postRequest(path, { token, client_id: id, client_secret: GROWN_SECRET })
  }

  const code = await mintCode(authorizationStore(env.DB, env.CODES), exampleCode(id, user))
  if (operation === 'exchange') return postRequest('/token', redemptionFields(credentials, code))

  const refresh_token = mintToken('refreshToken')
  const now = Math.floor(Date.now() / 1000)
  const family = {
    ...NO_AUDIENCE,
    familyId: crypto.randomUUID(),
    clientId: id as ClientId,
    user,
    redirectUri: CALLBACK as ApprovedRedirectUri,
    jkt: null,
    expiresAt: now + SECONDS,
    endedAt: null,
  }
  const purchase = {
    sessionKey: await sessionKeyOf(crypto.randomUUID()),
    clientId: id as ClientId,
    userId: user.userId,
    asOfMs: now * 1000,
    terms: {
      scopes: user.scopes,
      usersAreExternal: false,
      proof: null,
      redirectUri: CALLBACK as RegisteredRedirectUri,
    },
    family: { family, tokenDigest: await tokenDigestOf(refresh_token), idleSeconds: SECONDS },
  }
  const spent = await codeStore(env.DB, env.CODES).spend(await tokenDigestOf(code), purchase, now)
  if (spent.kind !== 'won') throw new Error('the code was not spent')
  return postRequest('/token', {
    grant_type: 'refresh_token',
    refresh_token,
    client_id: id,
    client_secret: GROWN_SECRET,
  })
}

export default {
  async fetch(request, env, context) {
    if (!isHandout(request)) return registry.fetch(request, env, context)
    const asked = new URL(request.url).searchParams
    const operation = asked.get('operation') ?? ''
    const make = () => requestFor(operation, env)
    const text = TEXTS[operation] ?? TOKEN
    const requests = await many(Number(asked.get('n')), make)
    return Response.json({ requests, once: true, status: 200, text } satisfies Handout)
  },
} satisfies ExportedHandler<GrownEnv>
