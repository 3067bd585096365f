/** Every operation of the two Workers that is counted, simulated or priced: its preparation and its request. */

import { CALLBACK, GRANTED_SCOPES, PKCE, redemptionFields, SCOPES, SERVICE } from '../subject.ts'
import { type Answered, agreementTo, consentOnce, type Lab, post, type Send } from './registry.ts'

/** `ready` prepares the operation, and returns the request that is measured. */
export type Act = Readonly<{ name: string; ready: () => Promise<() => Promise<Answered>> }>

const authorizePath = (
  clientId: string,
  scopes: readonly string[],
  more: Readonly<Record<string, string>> = {},
) =>
  `/authorize?${new URLSearchParams({
    ...more,
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

/** `wait` waits for deferred work. */
export async function actsOf(lab: Lab, wait: () => Promise<void>): Promise<readonly Act[]> {
  const { credentials, cookie, cookieForSigned } = lab
  const { id: client_id, secret: client_secret } = credentials
  const client = { client_id, client_secret }
  const path = authorizePath(client_id, GRANTED_SCOPES)
  /** The user never allows all of these scopes, so the consent page is shown each time. */
  const askingPath = authorizePath(client_id, SCOPES)
  /** Requests tokens for a service with signed tokens. */
  const signed = { resource: SERVICE }
  const signedPath = authorizePath(client_id, GRANTED_SCOPES, signed)
  const setUp = lab.freshRegistry()
  await consentOnce(setUp, path, cookie)
  await consentOnce(setUp, signedPath, cookieForSigned)
  const authorization = async (send: Send) => send(path, { headers: cookie })
  const codeIn = ({ location }: Answered) => new URL(location).searchParams.get('code') ?? ''
  const code = async () => codeIn(await authorization(setUp))
  const signedCode = async () => codeIn(await setUp(signedPath, { headers: cookieForSigned }))
  const exchange = async (send: Send, text: string) =>
    send('/token', post(redemptionFields(credentials, text)))
  const tokens = async () => exchange(setUp, await code())
  const signedTokens = async () => exchange(setUp, await signedCode())
  const token = (send: Send, more: Readonly<Record<string, string>> = {}) =>
    send('/token', post({ grant_type: 'client_credentials', ...client, ...more }))
  const bearer = (text: string) => ({ headers: { Authorization: `Bearer ${text}` } })

  /** A registry whose isolate has the client's record cached, and has recorded its use. */
  const warm = async () => {
    const send = lab.freshRegistry()
    await token(send)
    await wait()
    return send
  }
  /** A registry that has also cached the service with signed tokens. */
  const warmForSigned = async () => {
    const send = await warm()
    await token(send, signed)
    return send
  }
  await warm()

  /** A check changes nothing, so all checks use one token. */
  const shownBy = (issued: () => Promise<Answered>) => {
    let shown: Promise<RequestInit> | undefined
    return () => {
      shown ??= issued().then((answered) => bearer(field(answered, 'access_token')))
      return shown
    }
  }
  const checked = (query: string, issued = tokens) => {
    const token = shownBy(issued)
    return async () => {
      const [send, shown] = [lab.freshAuthenticator(), await token()]
      await send('/auth', shown)
      return () => send(`/auth${query}`, shown)
    }
  }
  const [knownToken, newToken] = [shownBy(signedTokens), shownBy(signedTokens)]
  const withFresh = (name: string, act: (send: Send) => Promise<Answered>): Act => ({
    name,
    ready: async () => {
      const send = lab.freshRegistry()
      return () => act(send)
    },
  })
  const withWarm = (name: string, act: (send: Send) => Promise<() => Promise<Answered>>): Act => ({
    name,
    ready: async () => act(await warm()),
  })
  const refreshing = (issued: () => Promise<Answered>) => async (send: Send) => {
    const refresh_token = field(await issued(), 'refresh_token')
    return () => send('/token', post({ grant_type: 'refresh_token', refresh_token, ...client }))
  }
  const showing = (path: string, kind: 'access_token' | 'refresh_token') => async (send: Send) => {
    const token = field(await tokens(), kind)
    return () => send(path, post({ token, ...client }))
  }
  return [
    withFresh('client_credentials, cold', (send) => token(send)),
    withWarm('client_credentials, warm', async (send) => () => token(send)),
    {
      name: 'client_credentials, signed, warm',
      ready: async () => {
        const send = await warmForSigned()
        return () => token(send, signed)
      },
    },
    withFresh('consent page', (send) => send(askingPath, { headers: cookie })),
    {
      name: 'consent answered, code issued',
      ready: async () => {
        const page = await setUp(askingPath, { headers: cookie })
        const send = lab.freshRegistry()
        return () => send('/authorize', post(agreementTo(page, GRANTED_SCOPES), cookie))
      },
    },
    withFresh('code issued, consent remembered', authorization),
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
    withWarm('code exchange, signed, warm', async (send) => {
      const text = await signedCode()
      return () => exchange(send, text)
    }),
    withWarm('refresh, warm', refreshing(tokens)),
    withWarm('refresh, signed, warm', refreshing(signedTokens)),
    withWarm('introspection, warm', showing('/introspect', 'access_token')),
    withWarm('revocation of an access token, warm', showing('/revoke', 'access_token')),
    withWarm('revocation of a refresh token, warm', showing('/revoke', 'refresh_token')),
    withFresh('connected applications', (send) => send('/account', { headers: cookie })),
    { name: 'check', ready: checked('') },
    { name: 'check, fresh', ready: checked('?fresh') },
    { name: 'signed check, token known', ready: checked('', signedTokens) },
    {
      name: 'signed check, token new',
      ready: async () => {
        const send = lab.freshAuthenticator()
        const shown = await newToken()
        await send('/auth', await knownToken())
        return () => send('/auth', shown)
      },
    },
    { name: 'signed check, fresh', ready: checked('?fresh', signedTokens) },
    {
      name: 'check of junk',
      ready: async () => {
        const send = lab.freshAuthenticator()
        return () => send('/auth', bearer(`reg_${'x'.repeat(49)}`))
      },
    },
  ]
}
