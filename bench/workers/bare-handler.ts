/** The shared code of the floors, which does as little as possible. */

import { FIND_CLIENT, findParameters } from '../../src/stores/clients.ts'
import { SPEND_CODE, TOUCH_CONSENT } from '../../src/stores/codes.ts'
import { asOperation, type Operation } from '../operations.ts'
import { SIGNED_TOKEN_SECONDS } from '../subject.ts'
import { type BenchEnv, type Prepared, prepare } from './bindings.ts'
import { exampleClient, exampleSession, exampleUser, SESSION_SECONDS, TERMS } from './fixture.ts'
import { handOut, isHandout, type KeyOf } from './requests.ts'

type Handler = (
  request: Request,
  prepared: Prepared,
  /** The session to store, as JSON. */
  session: string,
  context: ExecutionContext,
) => Promise<Response>

const HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' }
const tokenBody = (token: string, seconds: number) =>
  JSON.stringify({
    access_token: token,
    token_type: 'Bearer',
    expires_in: seconds,
    scope: 'public:read submission:create submission:read',
  })
const TOKEN_BODY = tokenBody(`reg_${'x'.repeat(49)}`, SESSION_SECONDS)
const CHECK_BODY = JSON.stringify({ status: 'authenticated' })
const CODE_FIELD = '&code='

export const issued = () => new Response(TOKEN_BODY, { headers: HEADERS })
export const issuedSigned = (token: string) =>
  new Response(tokenBody(token, SIGNED_TOKEN_SECONDS), { headers: HEADERS })
export const refused = () => new Response(null, { status: 400 })
export const passed = (jwt?: string) =>
  new Response(CHECK_BODY, {
    headers: jwt === undefined ? HEADERS : { ...HEADERS, Authorization: jwt },
  })

export const keep = ({ SESSIONS }: Prepared, session: string, key: string) =>
  SESSIONS.put(key, session, { expirationTtl: SESSION_SECONDS })

export function codeIn(body: string): string {
  const start = body.indexOf(CODE_FIELD) + CODE_FIELD.length
  return body.slice(start, body.indexOf('&', start))
}

export const tokenIn = (request: Request) =>
  request.headers.get('Authorization')?.slice('Bearer '.length) ?? ''

/** `keyOf` gives the storage keys of codes and sessions. */
export function serveFloor(
  keyOf: KeyOf,
  handlers: Readonly<Partial<Record<Operation, Handler>>>,
): ExportedHandler<BenchEnv> {
  let prepared: Prepared | undefined
  let session = ''
  let handler: Handler
  return {
    async fetch(request, env, context) {
      if (prepared && !isHandout(request)) return handler(request, prepared, session, context)
      const found = handlers[asOperation(env.OPERATION)]
      if (!found) throw new Error(`no floor for ${env.OPERATION}`)
      handler ??= found
      prepared ??= await prepare(env)
      const client = exampleClient(prepared.credentials.id)
      session ||= JSON.stringify(exampleSession(client, exampleUser(prepared.userId)))
      return handOut(request, prepared, keyOf)
    },
  }
}

const findClient = (db: D1Database | D1DatabaseSession, { credentials }: Prepared) =>
  db
    .prepare(FIND_CLIENT)
    .bind(...findParameters(credentials.id))
    .first()

/** Reads the client as an isolate without a cached record does. */
export const findClientNear = (prepared: Prepared) =>
  findClient(prepared.DB.withSession('first-unconstrained'), prepared)

/** Redeems a code for the session under `sessionKey`, after `verify`. Returns false if it is redeemed or unknown. */
export async function redeem(
  prepared: Prepared,
  { codeKey, sessionKey }: Readonly<{ codeKey: string; sessionKey: string }>,
  context: ExecutionContext,
  verify: () => Promise<unknown> = async () => {},
): Promise<boolean> {
  const { DB, CODES } = prepared
  const [carried] = await Promise.all([CODES.get(codeKey), findClient(DB, prepared)])
  if (carried === null) return false
  await verify()
  const now = Math.floor(Date.now() / 1000)
  const [spent] = await DB.batch([
    DB.prepare(SPEND_CODE).bind(codeKey, now, sessionKey, null, TERMS),
    DB.prepare(TOUCH_CONSENT).bind(codeKey, sessionKey, now),
  ])
  context.waitUntil(CODES.delete(codeKey))
  return spent?.results.length === 1
}
