/** Branded strings: a mix-up does not compile. `tsc` fails if one of the expected errors does not occur. */

import { expect, it } from 'vitest'
import { digest, hexDigest, sessionKeyOf, tokenDigestOf } from '../../src/crypto/digest.ts'
import type { ApprovedRedirectUri, ClientId } from '../../src/domain/ids.ts'
import { codeResponse } from '../../src/protocol/redirect-uri.ts'
import type { ClientStore } from '../../src/stores/clients.ts'
import type { CodeStore } from '../../src/stores/codes.ts'
import type { LiveSessions } from '../../src/stores/live-sessions.ts'
import type { UserStore } from '../../src/stores/users.ts'

type Stores = Readonly<{
  clients: ClientStore
  codes: CodeStore
  sessions: LiveSessions
  users: UserStore
}>
const common = { state: undefined, issuer: 'https://r.example' }

/** Never called: only the compiler reads it. */
const mixUps = async ({ clients, codes, sessions, users }: Stores, clientId: ClientId) => {
  const code = await tokenDigestOf('code')
  const secret = await hexDigest('secret')
  const key = await sessionKeyOf('token')
  const address = 'https://client.example/callback'
  return [
    // @ts-expect-error a session's key is not a code's digest
    codes.findOnLedger(key),
    // @ts-expect-error a code's digest is not a session's key
    sessions.find(code, 0, true),
    // @ts-expect-error a secret's digest is not a session's key
    sessions.find(secret, 0, true),
    // @ts-expect-error a code is not its own digest
    codes.findOnLedger('code'),
    // @ts-expect-error a digest that does not say of what is no session's key
    sessions.find(await digest('token'), 0, true),
    // @ts-expect-error a code's digest is not a secret's
    clients.touchCredential(clientId, code, 0),
    // @ts-expect-error a user's id is not a client's: the two are in the wrong order
    users.standing(clientId, 'user-1'),
    // @ts-expect-error nothing is sent to an address that was not approved
    codeResponse(address, 'code', common),
    codeResponse(address as ApprovedRedirectUri, 'code', common),
  ]
}

it('a mix-up of ids does not compile, and a branded string is a plain string when it runs', async () => {
  expect(mixUps).toBeTypeOf('function')
  expect(await sessionKeyOf('token')).toBe(await digest('token'))
  expect(await tokenDigestOf('token')).toBe(await digest('token'))
})
