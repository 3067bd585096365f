/** URLs to which clients are sent: https, or http on a loopback address. */

import { LOOPBACK_HOSTS } from '../domain/network.ts'

/** Characters that need no escape in a quoted string (RFC 9110 §5.6.4) and in a URL. */
const PRINTABLE = /^[!#-[\]-~]+$/

/** What is wrong with the URL, as the end of a sentence that begins with the URL's name; null if the URL is valid. */
export function publicUrlProblem(text: string): string | null {
  if (!PRINTABLE.test(text) || !URL.canParse(text)) return 'must be an absolute URL'
  const { protocol, hostname, username, password } = new URL(text)
  const isLoopback = protocol === 'http:' && LOOPBACK_HOSTS.includes(hostname)
  if (protocol !== 'https:' && !isLoopback) return 'must be https, or http on a loopback address'
  if (username !== '' || password !== '') return 'must not carry a password'
  return text.includes('#') ? 'must not have a fragment' : null
}

/** RFC 8414 §2. The registry serves at the root, so its issuer has no path and no slash at its end. */
export const isIssuer = (text: string) =>
  publicUrlProblem(text) === null && new URL(text).origin === text
