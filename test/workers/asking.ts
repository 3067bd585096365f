/** The authenticator under test, called as a resource server calls it. */

import { createAuthenticator } from '../../src/authenticator/app.ts'
import { authenticatorEnv, JWT_SECRET } from './stored-session.ts'

export const authenticator = createAuthenticator(authenticatorEnv())
export const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  authenticator.fetch(new Request(`https://authenticator.example${path}`, { method, headers }))

export const secretKey = new TextEncoder().encode(JWT_SECRET)
export const jwtOf = (answer: Response) => answer.headers.get('Authorization') ?? ''
