/** What a worker of ours, or a floor, hands out to be sent: one-time codes and tokens are minted now. */

import { digest } from '../../src/crypto/digest.ts'
import { authorizationStore } from '../../src/stores/codes.ts'
import { sessionStore } from '../../src/stores/live-sessions.ts'
import { asOperation, HANDOUT_PATH, type Handout, TOKENS_TO_CHECK } from '../operations.ts'
import { getRequest, postRequest } from '../raw-request.ts'
import { credentialsFields, redemptionFields, SERVICE } from '../subject.ts'
import type { Prepared } from './bindings.ts'
import {
  exampleClient,
  exampleCode,
  exampleSession,
  exampleUser,
  many,
  mintCode,
  mintSession,
  mintSigned,
} from './fixture.ts'

export const isHandout = (request: Request) => request.url.includes(HANDOUT_PATH)

export type KeyOf = (secret: string) => Promise<string>

/** Where a floor keeps things: under the very text, since it digests nothing. */
export const plainKey: KeyOf = async (secret) => secret

/** Every JWT begins so. */
const SIGNED_TOKEN = '"access_token":"eyJ'

async function requestsFor(
  prepared: Prepared,
  asked: string | null,
  count: number,
  keyOf: KeyOf,
): Promise<Handout> {
  const { DB, SESSIONS, CODES, credentials, userId } = prepared
  const operation = asOperation(asked)
  const user = exampleUser(userId)
  switch (operation) {
    case 'token_cold':
    case 'token_warm': {
      const requests = [postRequest('/token', credentialsFields(credentials))]
      return { requests, once: false, status: 200, text: '"access_token":"' }
    }
    case 'signed_token': {
      const fields = credentialsFields(credentials, { resource: SERVICE })
      const requests = [postRequest('/token', fields)]
      return { requests, once: false, status: 200, text: SIGNED_TOKEN }
    }
    case 'exchange':
    case 'signed_exchange': {
      const forSigned = operation === 'signed_exchange'
      const authorizations = authorizationStore(DB, CODES)
      const code = exampleCode(credentials.id, user, forSigned)
      const codes = await many(count, () => mintCode(authorizations, code, keyOf))
      const requests = codes.map((one) => postRequest('/token', redemptionFields(credentials, one)))
      const text = forSigned ? SIGNED_TOKEN : '"access_token":"'
      return { requests, once: true, status: 200, text }
    }
    case 'check':
    case 'signed_check': {
      const sessions = sessionStore(SESSIONS)
      const client = exampleClient(credentials.id)
      const mint = () =>
        operation === 'signed_check'
          ? mintSigned(client, user)
          : mintSession(sessions, exampleSession(client, user), keyOf)
      const tokens = await many(TOKENS_TO_CHECK, mint)
      const requests = tokens.map((one) => getRequest('/auth', { Authorization: `Bearer ${one}` }))
      return { requests, once: false, status: 200, text: 'authenticated' }
    }
  }
}

export async function handOut(
  request: Request,
  prepared: Prepared,
  keyOf: KeyOf = digest,
): Promise<Response> {
  const asked = new URL(request.url).searchParams
  const count = Number(asked.get('n'))
  return Response.json(await requestsFor(prepared, asked.get('operation'), count, keyOf))
}
