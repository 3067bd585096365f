/** The authenticator as deployed, with a path for prepared requests. */

import { type Authenticator, createAuthenticator } from '../../src/authenticator/app.ts'
import { publicKeys } from '../../src/crypto/signing-keys.ts'
import { JWT_SECRET } from '../subject.ts'
import { type BenchEnv, type Prepared, prepare } from './bindings.ts'
import { signingKeys } from './fixture.ts'
import { handOut, isHandout } from './requests.ts'

export function authenticatorWorker(): ExportedHandler<BenchEnv> {
  let prepared: Prepared | undefined
  let authenticator: Authenticator | undefined
  return {
    async fetch(request, env) {
      if (authenticator && !isHandout(request)) return authenticator.fetch(request)
      prepared ??= await prepare(env)
      const { SESSIONS } = prepared
      authenticator ??= createAuthenticator({
        ...{ SESSIONS, ISSUER: env.ISSUER, JWT_SECRET },
        REGISTRY: { fetch: async () => Response.json(await publicKeys(signingKeys)) },
      })
      return handOut(request, prepared)
    },
  }
}

export default authenticatorWorker()
