/** The issuer (RFC 8414 §2): an https origin, or an http one on a loopback address. */

import { LOOPBACK_HOSTS } from '../domain/loopback.ts'

/** We serve at the root, so an issuer of ours has no path, and no slash at its end. */
export function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false
  const url = new URL(text)
  if (url.origin !== text) return false
  return (
    url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK_HOSTS.includes(url.hostname))
  )
}
