/** `/register`: clients register themselves (RFC 7591) and manage their registration (RFC 7592). */

import { REGISTRATION_ACTOR } from '../domain/audit.ts'
import type { ClientRecord } from '../domain/client.ts'
import { networkOf } from '../domain/network.ts'
import {
  deleteOwnRegistration,
  findOwnRegistration,
  requireOwnSecret,
  updateOwnRegistration,
} from '../flows/registration/own-registration.ts'
import { registerClient, useRegistrationToken } from '../flows/registration/self-registration.ts'
import { isPreflight, preflightResponse } from '../http/any-origin.ts'
import { refuseFlood } from '../http/flood.ts'
import type { Handled } from '../http/frame.ts'
import type { HttpContext } from '../http/request-context.ts'
import { readBearer } from '../protocol/bearer.ts'
import { OAuthError } from '../protocol/errors.ts'
import { clientInformation, REGISTER_PATH } from '../protocol/registration/client-information.ts'
import { readClientMetadata } from '../protocol/registration/client-metadata.ts'
import { RegistrationError } from '../protocol/registration/errors.ts'
import { sanitized } from '../protocol/sanitize.ts'
import type { ManagementDeps } from './deps.ts'
import { withPublishedKeys } from './fetched.ts'
import { actorOf, admit } from './guard.ts'
import { readJson } from './input.ts'
import { methodNotAllowed, type Page } from './page.ts'
import {
  badRegistrationToken,
  metadataError,
  refusalOf,
  sendRegistrationError,
} from './registration-error.ts'

const MAX_BODY_BYTES = 16_384
const MAX_CLIENT_ID_LENGTH = 100

const actBy = (c: HttpContext, name: string, deps: ManagementDeps) => ({
  actor: { name, scopes: [] },
  now: c.var.request.now,
  ports: { ...deps.ports, registrations: deps.registrations },
})

function tooMany(retryAfterSeconds: number, isNetwork: boolean): OAuthError {
  const whose = isNetwork ? 'from your network' : 'here'
  return new OAuthError(
    'temporarily_unavailable',
    `Too many clients were registered ${whose}. Try again in ${retryAfterSeconds} seconds.`,
    {
      status: 429,
      headers: { 'Retry-After': String(retryAfterSeconds) },
      detail: isNetwork ? 'REGISTRATIONS_PER_NETWORK_HOUR' : 'REGISTRATIONS_PER_DAY',
    },
  )
}

/** RFC 7591 §3.1. The token is checked first, so that a caller without one learns nothing about faults of the input. */
async function register(c: HttpContext, deps: ManagementDeps): Promise<Handled> {
  const { issuer, settings } = deps
  const admitted =
    settings.registration === 'token' ? await admit(c, ['registry:register'], deps) : null
  if (!admitted) await refuseFlood(c, deps.refusalLimit)
  const metadata = readClientMetadata(await readJson(c, MAX_BODY_BYTES, metadataError))
  await admitted?.confirm()
  const name = admitted ? actorOf(admitted.caller).name : REGISTRATION_ACTOR
  const registered = await registerClient(actBy(c, name, deps), metadata, {
    openTo: admitted ? null : networkOf(c.var.request.ipAddress),
    limits: settings.registrationLimits,
    privateUseSchemes: settings.privateUseSchemes,
  })
  if (registered.kind === 'too_many') {
    throw tooMany(registered.retryAfterSeconds, registered.isNetwork)
  }
  const { record } = await withPublishedKeys({ ...registered, notes: [] }, deps)
  c.set('callerId', record.clientId)
  return c.json(clientInformation(record, registered, issuer), 201)
}

/** Members of a response that an update MUST NOT have (RFC 7592 §2.2). */
const NOT_IN_UPDATE = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
]

/** RFC 7592 §2.2: the identity in the body must be that of the client. */
function readIdentity(body: unknown, clientId: string): Readonly<{ secret: string | null }> {
  const members = new Map(Object.entries(typeof body === 'object' && body !== null ? body : {}))
  const given = NOT_IN_UPDATE.find((name) => members.has(name))
  if (given !== undefined) throw metadataError(`${given} must not be in an update`, given)
  if (members.get('client_id') !== clientId) {
    throw metadataError('client_id must be the id of the client', 'client_id')
  }
  const secret = members.get('client_secret') ?? null
  if (secret === null || typeof secret === 'string') return { secret }
  throw metadataError('client_secret must be text', 'client_secret')
}

/** RFC 7592 §2. The response to each use of the token, except the last, has the next token. */
async function manage(c: HttpContext, deps: ManagementDeps): Promise<Handled> {
  const clientId = c.req.param('client_id') ?? ''
  c.set('callerId', sanitized(clientId, MAX_CLIENT_ID_LENGTH))
  const { issuer, settings } = deps
  const act = actBy(c, `client:${clientId}`, deps)
  const presented = readBearer(c.req.header('Authorization'))
  const token =
    presented.kind === 'bearer' ? await useRegistrationToken(act, clientId, presented.token) : null
  if (token === null) {
    await refuseFlood(c, deps.refusalLimit)
    throw badRegistrationToken(
      presented.kind === 'absent' ? 'no token' : 'unknown client, or a token of another or revoked',
    )
  }
  const informed = (record: ClientRecord) =>
    clientInformation(record, { clientSecret: null, token }, issuer)
  switch (c.req.method) {
    case 'DELETE':
      await deleteOwnRegistration(act, clientId)
      return c.body(null, 204)
    case 'PUT': {
      const body = await readJson(c, MAX_BODY_BYTES, metadataError)
      const { secret } = readIdentity(body, clientId)
      await requireOwnSecret(act, await findOwnRegistration(act, clientId), secret)
      const metadata = readClientMetadata(body)
      const { privateUseSchemes } = settings
      const record = await updateOwnRegistration(act, clientId, metadata, privateUseSchemes)
      return informed((await withPublishedKeys({ record, notes: [] }, deps, true)).record)
    }
    default:
      return informed(await findOwnRegistration(act, clientId))
  }
}

type Handler = (c: HttpContext, deps: ManagementDeps) => Promise<Handled>

const endpoint = (path: string, methods: readonly string[], handle: Handler): Page => ({
  path,
  sendError: sendRegistrationError,
  allowsAnyOrigin: true,
  async respond(c, deps) {
    c.set('callerId', null)
    // A preflight is answered even if registration is off, because a script must be able to read that.
    if (isPreflight(c.req.raw)) return preflightResponse(c.req.raw, methods)
    if (deps.settings.registration === 'off') {
      const sentence = 'Clients cannot register themselves here.'
      throw new OAuthError('invalid_request', sentence, { status: 404 })
    }
    if (!methods.includes(c.req.method)) {
      throw methodNotAllowed(methods.join(', '))
    }
    try {
      return await handle(c, deps)
    } catch (cause) {
      throw cause instanceof RegistrationError ? refusalOf(cause) : cause
    }
  },
})

export const registrationEndpoints: readonly Page[] = [
  endpoint(REGISTER_PATH, ['POST'], register),
  endpoint(`${REGISTER_PATH}/:client_id`, ['GET', 'PUT', 'DELETE'], manage),
]
