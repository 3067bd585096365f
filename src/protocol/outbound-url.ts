/**
 * Addresses that a client or an operator names and a Worker fetches: https at a public host name, so that no request reaches
 * a private network.
 */

import { isOnThisMachine } from '../domain/network.ts'

export const MAX_URL_LENGTH = 500

/**
 * Names that do not lead to a public host (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476, and `internal`, which ICANN
 * reserved). The example names are not listed, because software SHOULD NOT treat them differently (RFC 6761 §6.5).
 */
const SPECIAL_USE = ['alt', 'arpa', 'internal', 'invalid', 'local', 'localhost', 'onion', 'test']
/** Names that networks at home and in offices use. They do not exist in public DNS. */
const PRIVATE_USE = ['corp', 'home', 'intranet', 'lan', 'localdomain', 'private']
const NOT_PUBLIC = new RegExp(`\\.(?:${[...SPECIAL_USE, ...PRIVATE_USE].join('|')})$`)

/** RFC 3986 §3.3, without the percent-encodings that a server may decode to a dot or a slash. */
const ENCODED = /%(?:2e|2f|5c|00)/i

function hostProblem({ hostname }: URL): string | null {
  // `URL` has already turned every other spelling of an IPv4 address into a dotted quad.
  if (hostname.startsWith('[') || /^[\d.]+$/.test(hostname)) return 'must not name an IP address'
  if (hostname.endsWith('.')) return 'must not end its host name with a dot'
  if (!hostname.includes('.')) return 'must have a host name with a dot in it'
  return NOT_PUBLIC.test(hostname) ? 'must have a public host name' : null
}

/**
 * Why a Worker does not fetch this address, as the end of a sentence that begins with the address; null if it may be fetched.
 * `allowsLoopback` also allows http and https on any port of this machine, and nothing else.
 */
export function outboundUrlProblem(text: string, allowsLoopback: boolean): string | null {
  if (text.length > MAX_URL_LENGTH) return `must not be longer than ${MAX_URL_LENGTH} characters`
  if (!/^https?:\/\/[!-~]+$/.test(text) || !URL.canParse(text)) return 'must be an https URL'
  const url = new URL(text)
  // The checked spelling must be the one that is fetched and compared.
  if (url.href !== text) return 'must be spelt as browsers spell it'
  if (url.username !== '' || url.password !== '') return 'must not name a user or a password'
  if (text.includes('#')) return 'must not have a fragment'
  if (allowsLoopback && isOnThisMachine(text)) return null
  if (url.protocol !== 'https:') return 'must be an https URL'
  if (url.port !== '') return 'must not name another port than 443'
  return hostProblem(url)
}

/**
 * Why this cannot be the address of a client metadata document (Client ID Metadata Document §2), in the form of
 * `outboundUrlProblem`. An address with dot segments is refused too, because `URL` resolves them and so changes the spelling.
 */
export function documentUrlProblem(text: string, allowsLoopback: boolean): string | null {
  const problem = outboundUrlProblem(text, allowsLoopback)
  if (problem !== null) return problem
  const { pathname } = new URL(text)
  if (pathname === '/') return 'must have a path'
  return ENCODED.test(pathname) ? 'must not have a percent-encoded dot or slash in its path' : null
}

/** The host in the address of a document: a canonical host name, or a host of this machine. */
export const documentHostOf = (clientId: string) => new URL(clientId).hostname

/** May addresses of this machine be fetched? Only a registry whose issuer is a loopback address may fetch them. */
export const allowsLoopbackFor = isOnThisMachine
