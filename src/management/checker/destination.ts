/** Where a pasted request goes, and whether an endpoint that can be checked is there. */

import { basicHeader, type SentRequest } from './curl.ts'
import { visible } from './masked.ts'

const IS_ABSOLUTE = /^(?:[a-z][a-z0-9+.-]*:\/)?\//i

/** As curl reads an address: http without a scheme, and a name and a password in it are sent by Basic. */
export function addressedBy(sent: SentRequest, issuer: string) {
  const url = URL.parse(IS_ABSOLUTE.test(sent.url) ? sent.url : `http://${sent.url}`, issuer)
  if (url === null) return null
  const { username, password } = url
  url.username = ''
  url.password = ''
  const isAuthorized = sent.headers.some(([name]) => name.toLowerCase() === 'authorization')
  if (isAuthorized || username + password === '') return { sent, url }
  const basic = basicHeader(`${unescaped(username)}:${unescaped(password)}`)
  return { sent: { ...sent, headers: [...sent.headers, basic] }, url }
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** A form that is posted to /authorize answers the consent page. */
const PATHS = { '/token': 'POST', '/authorize': 'GET' } as const
type Path = keyof typeof PATHS
const isPath = (path: string): path is Path => Object.hasOwn(PATHS, path)

/** Why the request would not reach an endpoint that can be checked; null if it would. */
export function whyNotThere({ method }: SentRequest, url: URL, issuer: string): string | null {
  const { origin, pathname } = url
  if (origin !== issuer) {
    return `It goes to ${visible(origin, 100)}, and this registry is at ${issuer}.`
  }
  if (!isPath(pathname)) {
    return `Its path is ${visible(pathname, 100)}. Requests to /authorize and /token can be checked here.`
  }
  const expected = PATHS[pathname]
  return method === expected
    ? null
    : `Its method is ${visible(method, 10)}. A request to ${pathname} is made by ${expected}.`
}
