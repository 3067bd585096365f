/** PROXY_SECRET, which a proxy sends to the authenticator: one secret, or the new and the old one during a rotation. */

import { isLongEnough, MIN_SECRET_BYTES } from './jws.ts'

/** The secret has visible ASCII only, because it is sent in a header. */
const SECRET = /^[!-~]+$/

/** The secrets in the text, separated by spaces; none if the text is empty. */
export const proxySecretsIn = (text: string): readonly string[] =>
  text.split(/\s+/).filter((secret) => secret !== '')

/** What is wrong with the value, as the end of a sentence that begins with the setting's name; null if the value is valid. */
export function proxySecretProblem(text: string, jwtSecret: string): string | null {
  const secrets = proxySecretsIn(text)
  if (!secrets.every((secret) => isLongEnough(secret) && SECRET.test(secret))) {
    return `must be at least ${MIN_SECRET_BYTES} bytes of visible ASCII`
  }
  // Otherwise everyone who configures a proxy could sign JWTs.
  return secrets.includes(jwtSecret) ? 'must not be JWT_SECRET' : null
}
