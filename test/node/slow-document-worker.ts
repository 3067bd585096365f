/** The authenticator in a real runtime, with a KV that reads the revocation document from a slow service. */

import { type Authenticator, createAuthenticator } from '../../src/authenticator/app.ts'
import type { AuthenticatorEnv } from '../../src/authenticator/settings.ts'

type Env = AuthenticatorEnv & Readonly<{ SLOW: Fetcher }>

let authenticator: Authenticator | undefined

export default {
  fetch(request, env) {
    const { SESSIONS, SLOW } = env
    authenticator ??= createAuthenticator({
      ...env,
      SESSIONS: {
        async get(key: string) {
          if (key !== 'revocations') return SESSIONS.get(key)
          const response = await SLOW.fetch('http://slow/document')
          if (!response.ok) throw new Error('KV is out of reach')
          return response.text()
        },
      } as unknown as KVNamespace,
    })
    return authenticator.fetch(request)
  },
} satisfies ExportedHandler<Env>
