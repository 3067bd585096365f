/** Identifies the caller with the authenticator, over a service binding. */

import { readSession } from '../domain/session-shape.ts'
import type { Authentication, AuthenticatorBinding } from '../protocol/authentication.ts'
import { type Asked, askOnce } from './asked.ts'

/** Sends no scope to the authenticator, because the route checks what it requires. */
export async function identifyByBinding(
  binding: AuthenticatorBinding | undefined,
  asked: Asked,
  immediate: boolean,
): Promise<Authentication> {
  if (!binding) throw new Error('no authenticator is bound')
  const ask = async () =>
    binding.authenticate({
      authorization: asked.header('Authorization'),
      cookie: asked.header('Cookie'),
      dpop: asked.header('DPoP'),
      method: asked.method,
      url: asked.url,
      immediate,
    })
  const outcome = await askOnce(asked.request, binding, immediate, ask)
  return outcome.kind === 'authenticated' ? authenticated(outcome.session) : outcome
}

/** A malformed session from the binding or in a signed JWT is a fault of the service and not of the caller. */
export function authenticated(value: unknown): Authentication {
  const session = readSession(value)
  if (!session) throw new Error('the authenticator answered with no session record')
  return { kind: 'authenticated', session }
}
