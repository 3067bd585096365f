/** Every operation of the two workers that is counted, delayed or priced: what comes before it, and the request. */

import { CALLBACK, GRANTED_SCOPES, PKCE, redemptionFields, SCOPES } from '../subject.ts'
import { type Answered, agreementTo, consentOnce, type Lab, post, type Send } from './registry.ts'

/** `ready` is unmeasured; what it answers is the request to be measured. */
export type Act = Readonly<{ name: string; ready: () => Promise<() => Promise<Answered>> }>

const authorizePath = (clientId: string, scopes: readonly string[]) =>
  `/authorize?${new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: CALLBACK,
    scope: scopes.join(' '),
    state: 'af0ifjsldkj',
    code_challenge: PKCE.challenge,
    code_challenge_method: 'S256',
  })}`

const field = ({ status, body }: Answered, name: string) => {
  const value = (JSON.parse(body) as Record<string, unknown>)[name]
  if (status !== 200 || typeof value !== 'string') throw new Error(`${status}: ${body}`)
  return value
}

/** `wait` lets deferred work end. */
export async function actsOf(lab: Lab, wait: () => Promise<void>): Promise<readonly Act[]> {
  const { credentials, cookie } = lab
  const { id: client_id, secret: client_secret } = credentials
  const client = { client_id, client_secret }
  const path = authorizePath(client_id, GRANTED_SCOPES)
  /** Never agreed to in full, so that the user is asked each time. */
  const askingPath = authorizePath(client_id, SCOPES)
  const setUp = lab.freshRegistry()
  await consentOnce(lab, setUp, path)
  const authorization = async (send: Send) => send(path, { headers: cookie })
  const code = async () =>
    new URL((await authorization(setUp)).location).searchParams.get('code') ?? ''
  const exchange = async (send: Send, text: string) =>
    send('/token', post(redemptionFields(credentials, text)))
  const tokens = async () => exchange(setUp, await code())
  const token = (send: Send) =>
    send('/token', post({ grant_type: 'client_credentials', ...client }))
  const bearer = (text: string) => ({ headers: { Authorization: `Bearer ${text}` } })

  /** With the client's record in the isolate, and its use recorded. */
  const warm = async () => {
    const send = lab.freshRegistry()
    await token(send)
    await wait()
    return send
  }
  await warm()

  const checked = async (query: string) => {
    const send = lab.freshAuthenticator()
    const shown = bearer(field(await tokens(), 'access_token'))
    await send('/auth', shown)
    return () => send(`/auth${query}`, shown)
  }
  const withWarm = (name: string, act: (send: Send) => Promise<() => Promise<Answered>>): Act => ({
    name,
    ready: async () => act(await warm()),
  })
  return [
    { name: 'client_credentials, cold', ready: async () => () => token(lab.freshRegistry()) },
    withWarm('client_credentials, warm', async (send) => () => token(send)),
    {
      name: 'consent page',
      ready: async () => {
        const send = lab.freshRegistry()
        return () => send(askingPath, { headers: cookie })
      },
    },
    {
      name: 'consent answered, code issued',
      ready: async () => {
        const page = await setUp(askingPath, { headers: cookie })
        const send = lab.freshRegistry()
        return () => send('/authorize', post(agreementTo(page, GRANTED_SCOPES), cookie))
      },
    },
    {
      name: 'code issued, consent remembered',
      ready: async () => {
        const send = lab.freshRegistry()
        return () => authorization(send)
      },
    },
    {
      name: 'code exchange, cold',
      ready: async () => {
        const text = await code()
        return () => exchange(lab.freshRegistry(), text)
      },
    },
    withWarm('code exchange, warm', async (send) => {
      const text = await code()
      return () => exchange(send, text)
    }),
    withWarm('refresh, warm', async (send) => {
      const refresh_token = field(await tokens(), 'refresh_token')
      return () => send('/token', post({ grant_type: 'refresh_token', refresh_token, ...client }))
    }),
    withWarm('introspection, warm', async (send) => {
      const shown = field(await tokens(), 'access_token')
      return () => send('/introspect', post({ token: shown, ...client }))
    }),
    withWarm('revocation of an access token, warm', async (send) => {
      const shown = field(await tokens(), 'access_token')
      return () => send('/revoke', post({ token: shown, ...client }))
    }),
    withWarm('revocation of a refresh token, warm', async (send) => {
      const shown = field(await tokens(), 'refresh_token')
      return () => send('/revoke', post({ token: shown, ...client }))
    }),
    {
      name: 'connected applications',
      ready: async () => {
        const send = lab.freshRegistry()
        return () => send('/account', { headers: cookie })
      },
    },
    { name: 'check', ready: () => checked('') },
    { name: 'check, fresh', ready: () => checked('?fresh') },
    {
      name: 'check of junk',
      ready: async () => {
        const send = lab.freshAuthenticator()
        return () => send('/auth', bearer(`reg_${'x'.repeat(49)}`))
      },
    },
  ]
}
