/** The prepared requests for a Worker of ours or a floor, with new codes and tokens. */

import { digest } from '../../src/crypto/digest.ts'
import { authorizationStore } from '../../src/stores/authorizations.ts'
import { sessionStore } from '../../src/stores/live-sessions.ts'
import { checks, exchanges, getRequest, type HandOut, ISSUED_SIGNED, issues } from '../handouts.ts'
import { asOperation, HANDOUT_PATH, type Operation } from '../operations.ts'
import { credentialsFields, SERVICE } from '../subject.ts'
import type { Prepared } from './bindings.ts'
import {
  exampleClient,
  exampleCode,
  exampleSession,
  exampleUser,
  mintCode,
  mintSession,
  mintSigned,
} from './fixture.ts'

export const isHandout = (request: Request) => request.url.includes(HANDOUT_PATH)

export type KeyOf = (secret: string) => Promise<string>

/** The storage keys of a floor, which are the secrets themselves, because it digests nothing. */
export const plainKey: KeyOf = async (secret) => secret

function handOutOf(operation: Operation, prepared: Prepared, keyOf: KeyOf): HandOut {
  const { DB, SESSIONS, CODES, credentials, userId } = prepared
  const user = exampleUser(userId)
  const client = exampleClient(credentials.id)
  const checksOf = (mint: () => Promise<string>) => {
    const requestOf = (token: string) => getRequest('/auth', { Authorization: `Bearer ${token}` })
    return checks(mint, requestOf, 'authenticated')
  }
  const exchangesOf = (forSigned: boolean, text?: string) => {
    const authorizations = authorizationStore(DB, CODES)
    const code = exampleCode(credentials.id, user, forSigned)
    const redeeming = { path: '/token', credentials, ...(text && { text }) }
    return exchanges(redeeming, () => mintCode(authorizations, code, keyOf))
  }
  switch (operation) {
    case 'token_cold':
    case 'token_warm':
      return issues('/token', credentialsFields(credentials))
    case 'signed_token':
      return issues('/token', credentialsFields(credentials, { resource: SERVICE }), ISSUED_SIGNED)
    case 'exchange':
      return exchangesOf(false)
    case 'signed_exchange':
      return exchangesOf(true, ISSUED_SIGNED)
    case 'check':
      return checksOf(() =>
        mintSession(sessionStore(SESSIONS), exampleSession(client, user), keyOf),
      )
    case 'signed_check':
      return checksOf(() => mintSigned(client, user))
  }
}

export async function handOut(
  request: Request,
  prepared: Prepared,
  keyOf: KeyOf = digest,
): Promise<Response> {
  const asked = new URL(request.url).searchParams
  const handOutFor = handOutOf(asOperation(asked.get('operation')), prepared, keyOf)
  return Response.json(await handOutFor(Number(asked.get('n'))))
}
