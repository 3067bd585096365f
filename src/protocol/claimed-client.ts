/** Whom a request says it is from. Nothing is verified: for the operator's log, and for nothing else. */

function basicName(authorization: string): string | null {
  const [, encoded = ''] = /^basic +(\S+)$/i.exec(authorization) ?? []
  try {
    const name = atob(encoded).replace(/:.*$/s, '')
    return decodeURIComponent(name.replaceAll('+', ' ')) || null
  } catch {
    return null
  }
}

/** The issuer of a client assertion is the client: RFC 7523 §3. */
function assertionIssuer(assertion: string): string | null {
  try {
    const [, payload = ''] = assertion.split('.')
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
    const issuer = typeof claims === 'object' && claims !== null && 'iss' in claims && claims.iss
    return typeof issuer === 'string' ? issuer : null
  } catch {
    return null
  }
}

/** Null when it names none. */
export function claimedClientId(
  asked: URLSearchParams,
  authorization: string | undefined,
): string | null {
  const assertion = asked.get('client_assertion')
  return (
    asked.get('client_id') ||
    (authorization === undefined ? null : basicName(authorization)) ||
    (assertion === null ? null : assertionIssuer(assertion))
  )
}
