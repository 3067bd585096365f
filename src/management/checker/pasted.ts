/**
 * Reads what an owner pasted as the request that it stands for: a command of curl, an address, or a form with headers. Finds
 * where the request goes, and whether the endpoint there can be checked.
 */

import { basicHeader, FORM, headerIn, readCurl, type SentRequest } from './curl.ts'
import { visible } from './masked.ts'

/** `problem` is a sentence. */
type Pasted = SentRequest | Readonly<{ problem: string }>

const REQUEST_LINE = /^([A-Z]{3,7}) (\S+)(?: HTTP\/[\d.]+)?$/
const HEADER = /^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$/

/** Joins the lines: each line has a parameter, or all lines are one body. */
const joined = (lines: readonly string[]) =>
  lines
    .map((line) => line.trim().replace(/^&|&$/g, ''))
    .filter(Boolean)
    .join('&')

/** A form goes to the token endpoint, unless it asks for a code. */
function readForm(text: string): Pasted {
  const lines = text.split(/\r\n|\r|\n/)
  const [, method, target] = REQUEST_LINE.exec(lines[0]?.trim() ?? '') ?? []
  let at = method === undefined ? 0 : 1
  const headers: (readonly [string, string])[] = []
  for (; at < lines.length; at++) {
    const [, name, value = ''] = HEADER.exec(lines[at]?.trim() ?? '') ?? []
    if (name === undefined) break
    headers.push([name, value])
  }
  const rest = lines.slice(at)
  const isJson = rest.join('\n').trim().startsWith('{')
  const body = isJson ? rest.join('\n').trim() : joined(rest)
  if (method === undefined && headers.length === 0 && !isJson && !/^[\w.-]{1,64}=/.test(body)) {
    return {
      problem:
        'This cannot be read as a request. Paste the address, a command that begins with curl, or a form such as grant_type=…',
    }
  }
  const asksForCode = method === undefined && /(?:^|&)response_type=/.test(body)
  if (asksForCode) {
    return { method: 'GET', url: `/authorize?${body}`, headers, body: null, notes: [] }
  }
  const type = isJson ? 'application/json' : FORM
  const isGet = method === 'GET' || method === 'HEAD'
  const lacksType = !isGet && headerIn(headers, 'content-type') === undefined
  const isWhole = method !== undefined || headers.length > 0
  return {
    method: method ?? 'POST',
    url: target ?? '/token',
    headers: lacksType ? [...headers, ['Content-Type', type]] : headers,
    body: isGet ? null : body,
    notes: lacksType && isWhole ? [`No Content-Type was pasted. It was taken as ${type}.`] : [],
  }
}

export function readPasted(text: string): Pasted {
  const trimmed = text.trim().replace(/^[$>%#] +(?=curl\b)/, '')
  if (trimmed === '') return { problem: 'Paste a request first.' }
  if (/^curl(?:\.exe)?\s/.test(trimmed)) {
    const sent = readCurl(trimmed)
    return sent.url === '' ? { problem: 'The command names no address.' } : sent
  }
  // A regular expression is not used: one for the spaces around line ends would take quadratic time.
  const url = trimmed
    .split('\n')
    .map((line) => line.trim())
    .join('')
  if (/^(?:https?:\/\/|\/)\S*$/.test(url)) {
    return { method: 'GET', url, headers: [], body: null, notes: [] }
  }
  return readForm(trimmed)
}

const IS_ABSOLUTE = /^(?:[a-z][a-z0-9+.-]*:\/)?\//i

/** Reads an address as curl does: without a scheme it is http, and a name and a password in it are sent by Basic. */
export function addressedBy(sent: SentRequest, issuer: string) {
  const url = URL.parse(IS_ABSOLUTE.test(sent.url) ? sent.url : `http://${sent.url}`, issuer)
  if (url === null) return null
  const { username, password } = url
  url.username = ''
  url.password = ''
  const isAuthorized = headerIn(sent.headers, 'authorization') !== undefined
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

/** A form that is posted to /authorize would answer the consent page, so only GET is checked there. */
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
