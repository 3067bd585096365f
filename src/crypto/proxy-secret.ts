/** The secret that a proxy shows the authenticator: one, or during a rotation the new one and the old one. */

import { isLongEnough, MIN_SECRET_BYTES } from './jws.ts'

/** Visible ASCII alone: it is sent in a header. */
const SECRET = /^[!-~]+$/

/** Separated by spaces; none for an empty text. */
export const proxySecretsIn = (text: string): readonly string[] =>
  text.split(/\s+/).filter((secret) => secret !== '')

/** In words that follow the name of the setting; null if there is nothing to say. */
export function proxySecretProblem(text: string, jwtSecret: string): string | null {
  const secrets = proxySecretsIn(text)
  if (!secrets.every((secret) => isLongEnough(secret) && SECRET.test(secret))) {
    return `must be at least ${MIN_SECRET_BYTES} bytes of visible ASCII`
  }
  // Otherwise everyone who configures a proxy could sign JWTs.
  return secrets.includes(jwtSecret) ? 'must not be JWT_SECRET' : null
}
