/** RFC 9449 §5 and §10: codes and refresh tokens that are bound to a key. */

import { beforeAll, describe, expect, it } from 'vitest'
import { type Key, newKey, proofOf } from './keys.ts'
import { type Issued, issuedIn, renewalOf } from './obtaining.ts'
import {
  authorizePath,
  newClient,
  newUser,
  obtainCode,
  PKCE,
  post,
  redemptionOf,
  refusal,
  registry,
  requestOf,
  sentTo,
  sessionOf,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'

const INVALID_GRANT = { status: 400, error: 'invalid_grant' }

let key: Key
let client: TestClient
let cookie: string
beforeAll(async () => {
  key = await newKey()
  client = await newClient()
  cookie = await signIn(await newUser())
})

const proving = (DPoP: string) => ({ DPoP })

describe('RFC 9449 §10: codes that are bound to a key', () => {
  const redeem = async (code: string, proof?: Key) =>
    post('/token', redemptionOf(client, code), proof ? proving(await proofOf(proof)) : {})

  it('a code that is bound to a key cannot be redeemed with another key or without a proof', async () => {
    const code = await obtainCode(cookie, requestOf(client, { dpop_jkt: key.jkt }))
    expect(await refusal(await redeem(code, await newKey()))).toEqual(INVALID_GRANT)
    expect(await refusal(await redeem(code))).toEqual(INVALID_GRANT)
    expect((await redeem(code, key)).status).toBe(200)
  })

  it('the consent page keeps the key of the request, and its code cannot be redeemed with another key', async () => {
    const own = await newClient()
    const request = requestOf(own, { dpop_jkt: key.jkt })
    const page = await (
      await registry(authorizePath(request), { headers: { Cookie: cookie } })
    ).text()
    expect(page).toContain(`name="dpop_jkt" value="${key.jkt}"`)
    const code = await obtainCode(cookie, request)
    const stolen = await post(
      '/token',
      redemptionOf(own, code),
      proving(await proofOf(await newKey())),
    )
    expect(await refusal(stolen)).toEqual(INVALID_GRANT)
  })

  it.each(['short', 'x'.repeat(44), `${'x'.repeat(42)}=`])(
    'a dpop_jkt of %j is refused, because it is not a thumbprint',
    async (dpop_jkt) => {
      const path = authorizePath(requestOf(client, { dpop_jkt }))
      const answer = await registry(path, { headers: { Cookie: cookie } })
      expect(sentTo(answer).searchParams.get('error')).toBe('invalid_request')
    },
  )
})

describe('RFC 9449 §5: refresh tokens that are bound to a key', () => {
  const grantTypes = ['authorization_code', 'refresh_token'] as const
  const newRefreshing = (authMethod: 'none' | 'client_secret_post') =>
    newClient({ authMethod, grantTypes: [...grantTypes] })
  const headersOf = async (proof: Key | null) => (proof ? proving(await proofOf(proof)) : {})

  async function begin(own: TestClient, proof: Key | null) {
    const code = await obtainCode(cookie, requestOf(own, withChallenge))
    const fields = redemptionOf(own, code, { code_verifier: PKCE.verifier })
    return issuedIn(await post('/token', fields, await headersOf(proof)))
  }

  const refresh = async (own: TestClient, { refresh_token }: Issued, proof: Key | null) =>
    post('/token', renewalOf(own, refresh_token), await headersOf(proof))

  it('a refresh token of a public client is refused without a proof of its first key, and its family stays valid', async () => {
    const own = await newRefreshing('none')
    const first = await begin(own, key)
    expect(await refusal(await refresh(own, first, await newKey()))).toEqual(INVALID_GRANT)
    expect(await refusal(await refresh(own, first, null))).toEqual(INVALID_GRANT)
    const second = await issuedIn(await refresh(own, first, key))
    expect(second.token_type).toBe('DPoP')
    expect((await sessionOf(second.access_token))?.cnf).toEqual({ jkt: key.jkt })
    // A spent token with another key is refused, and the family stays valid.
    expect(await refusal(await refresh(own, first, await newKey()))).toEqual(INVALID_GRANT)
    expect((await refresh(own, second, key)).status).toBe(200)
  })

  it.each(['none', 'client_secret_post'] as const)(
    'a refresh request of a %s client that is replayed with its proof is refused with invalid_dpop_proof and ends nothing',
    async (authMethod) => {
      const own = await newRefreshing(authMethod)
      const { refresh_token } = await begin(own, key)
      const fields = renewalOf(own, refresh_token)
      const headers = await headersOf(key)
      const second = await issuedIn(await post('/token', fields, headers))
      const third = await issuedIn(await refresh(own, second, key))
      const replayed = await refusal(await post('/token', fields, headers))
      expect(replayed).toEqual({ status: 400, error: 'invalid_dpop_proof' })
      const fourth = await issuedIn(await refresh(own, third, key))
      expect(await sessionOf(fourth.access_token)).not.toBeNull()
      // Control: with a new proof the replay ends the family.
      expect(await refusal(await post('/token', fields, await headersOf(key)))).toEqual(
        INVALID_GRANT,
      )
      expect(await refusal(await refresh(own, fourth, key))).toEqual(INVALID_GRANT)
    },
  )

  it('a refresh token of a public client is bound from its first proof on', async () => {
    const own = await newRefreshing('none')
    const first = await begin(own, null)
    expect(first.token_type).toBe('Bearer')
    const second = await issuedIn(await refresh(own, first, key))
    expect(await refusal(await refresh(own, second, null))).toEqual(INVALID_GRANT)
    expect((await refresh(own, second, key)).status).toBe(200)
  })

  it('a refresh token of a confidential client needs a proof of any key once it was bound', async () => {
    const own = await newRefreshing('client_secret_post')
    const first = await begin(own, key)
    expect(await refusal(await refresh(own, first, null))).toEqual(INVALID_GRANT)
    const other = await newKey()
    const second = await issuedIn(await refresh(own, first, other))
    expect((await sessionOf(second.access_token))?.cnf).toEqual({ jkt: other.jkt })
    expect(await refusal(await refresh(own, second, null))).toEqual(INVALID_GRANT)
  })

  it('a refresh without proofs issues bearer tokens', async () => {
    for (const authMethod of ['none', 'client_secret_post'] as const) {
      const own = await newRefreshing(authMethod)
      const second = await issuedIn(await refresh(own, await begin(own, null), null))
      expect(second.token_type).toBe('Bearer')
      expect(await sessionOf(second.access_token)).not.toHaveProperty('cnf')
    }
  })
})
