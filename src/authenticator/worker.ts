/** The authenticator as a Worker: `fetch` for HTTP, `authenticate` for service bindings. */

import { WorkerEntrypoint } from 'cloudflare:workers'
import type { Authentication, AuthenticationRequest } from '../protocol/authentication.ts'
import { type Authenticator, createAuthenticator } from './app.ts'
import type { AuthenticatorEnv } from './settings.ts'

/** The authenticator, one per isolate: a Worker's settings and bindings do not change while it lives. */
let built: Authenticator | undefined

const authenticator = (env: AuthenticatorEnv) => {
  built ??= createAuthenticator(env)
  return built
}

export default class extends WorkerEntrypoint<AuthenticatorEnv> {
  override fetch(request: Request): Promise<Response> {
    return authenticator(this.env).fetch(request, this.#defer)
  }

  /** Never throws: a refusal and a fault are outcomes with a status. */
  authenticate(request: AuthenticationRequest): Promise<Authentication> {
    return authenticator(this.env).authenticate(request, this.#defer)
  }

  readonly #defer = (work: Promise<unknown>) => this.ctx.waitUntil(work)
}
