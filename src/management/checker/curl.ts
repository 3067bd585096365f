/** Reads a request from a command of curl: the request that curl would send. Files are never read. */

import { optionsIn, SILENT, WITH_VALUE } from './curl-options.ts'
import { shellWords } from './shell-words.ts'

export type SentRequest = Readonly<{
  method: string
  /** The address as it was written. */
  url: string
  headers: readonly (readonly [name: string, value: string])[]
  body: string | null
  /** Sentences about parts that were not read in the way of curl. */
  notes: readonly string[]
}>

/** The last header of the name, which is in lower case; undefined if there is none. */
export const headerIn = (headers: SentRequest['headers'], wanted: string) =>
  headers.findLast(([name]) => name.toLowerCase() === wanted)?.[1]

export const FORM = 'application/x-www-form-urlencoded'

/** An option and its value, which is '' for an option without a value. An address is the option `url`, as in curl. */
type Given = readonly [option: string, value: string]

const isWebAddress = (word: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word) || word.includes('/')

/** The options up to `--next`. */
function givenIn(words: readonly string[]): Given[] {
  const given: Given[] = []
  for (let at = 1; at < words.length; at++) {
    const word = words[at] as string
    if (!word.startsWith('-') || word === '-') {
      given.push(['url', word])
      continue
    }
    for (const [option, attached] of optionsIn(word)) {
      if (WITH_VALUE.has(option)) {
        given.push([option, attached ?? words[++at] ?? ''])
        continue
      }
      given.push([option, ''])
      if (option === 'next') return given
      // The next word may be the value of the unknown option, so it does not count as an address.
      const next = words[at + 1]
      const mayBeValue = next !== undefined && !next.startsWith('-') && !isWebAddress(next)
      if (!isKnown(option) && attached === null && mayBeValue) at += 1
    }
  }
  return given
}

const DATA = ['data', 'data-ascii', 'data-raw', 'data-binary', 'data-urlencode', 'json']
/** The options that make the request. */
const READ: ReadonlySet<string> = new Set([
  ...['user', 'header', 'url', 'url-query', 'request', 'oauth2-bearer', 'get', 'head'],
  ...['form', 'form-string', ...DATA],
])
const isKnown = (option: string) => READ.has(option) || SILENT.has(option)

/** The options whose value can name a file, and the pattern of such a value. */
const FILES: ReadonlyMap<string, RegExp> = new Map([
  ...['header', 'data', 'data-ascii', 'data-binary', 'json'].map((one) => [one, /^@/] as const),
  ['data-urlencode', /^[^=@]*@/],
])
const namesFile = ([option, value]: Given) => FILES.get(option)?.test(value) ?? false

/** The position at which the name of a header ends; 0 or less if the text has no name. */
const endOfName = (text: string) => text.search(/[:;]/)

/** Only an option of this form is named on the page, because any other text may be a secret. */
const OPTION = /^--[a-z0-9][a-z0-9.-]{0,40}$/

/** The notes on an option that is not read in the way of curl; none if it is. */
function notesOn(given: Given): string[] {
  const [option, value] = given
  if (option === 'next') return ['--next begins another request. Only the first was read.']
  if (namesFile(given)) {
    return [`--${option} names a file, which was not read. Write its content in its place.`]
  }
  if (option === 'header' && endOfName(value) <= 0) {
    return ['A header without a colon was left out, as curl does.']
  }
  if (option === 'user' && !value.includes(':')) {
    return ['-u has no colon, so curl would ask for the secret. It was taken as empty.']
  }
  if (isKnown(option)) return []
  const name = `--${option}`
  return [
    OPTION.test(name) ? `${name} was ignored.` : 'An option that is not known here was ignored.',
  ]
}

const MAX_NOTES = 20

/** At most this many notes are shown, because a long command could cause thousands. */
const shortened = (notes: readonly string[]) =>
  notes.length <= MAX_NOTES
    ? notes
    : [...notes.slice(0, MAX_NOTES), `There are ${notes.length - MAX_NOTES} more notes like these.`]

/** The header with a name and a password, in the form that curl sends. */
export const basicHeader = (user: string) => {
  const pair = user.includes(':') ? user : `${user}:`
  return ['Authorization', `Basic ${Buffer.from(pair).toString('base64')}`] as const
}

/** Encodes as curl does: everything except letters, digits and - . _ ~ */
const encoded = (text: string) =>
  encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/** In `name=content` only the content is encoded. */
function urlEncoded(text: string): string {
  const equals = text.indexOf('=')
  const name = equals > 0 ? text.slice(0, equals + 1) : ''
  return name + encoded(text.slice(equals + 1))
}

/** `Name:` without a value removes one of curl's own headers; `Name;` sends the header with an empty value. */
function headersIn(texts: readonly string[]) {
  const sent: (readonly [string, string])[] = []
  const removed: string[] = []
  for (const text of texts) {
    const end = endOfName(text)
    const [name, value] = [text.slice(0, end).trim(), text.slice(end + 1).trim()]
    if (end <= 0) continue
    if (value === '' && text[end] === ':') removed.push(name.toLowerCase())
    else sent.push([name, value])
  }
  return { sent, removed }
}

function withQuery(url: string, query: readonly string[]): string {
  const [address = '', fragment] = url.split(/#(.*)/s)
  const mark = address.includes('?') ? '&' : '?'
  const joined = query.length === 0 ? address : `${address}${mark}${query.join('&')}`
  return fragment === undefined ? joined : `${joined}#${fragment}`
}

/** `text` must begin with the word curl. */
export function readCurl(text: string): SentRequest {
  const { words, notes } = shellWords(text)
  const given = givenIn(words)
  const has = (...options: readonly string[]) => given.some(([one]) => options.includes(one))
  const read = given.filter((one) => !namesFile(one))
  const valuesOf = (option: string) => read.flatMap(([one, value]) => (one === option ? value : []))
  const lastOf = (option: string) => valuesOf(option).at(-1)

  const data = read
    .filter(([option]) => DATA.includes(option))
    .map(([option, value]) => (option === 'data-urlencode' ? urlEncoded(value) : value))
  const isMultipart = has('form', 'form-string')
  const hasBody = (data.length > 0 || isMultipart) && !has('get')
  const type = isMultipart ? 'multipart/form-data' : has('json') ? 'application/json' : FORM
  const [url = '', ...moreUrls] = valuesOf('url')
  const [user, bearer] = [lastOf('user'), lastOf('oauth2-bearer')]
  const { sent, removed } = headersIn(valuesOf('header'))
  /** The headers that curl adds unless a header of the same name is given. */
  const own = [
    ...(hasBody ? [['Content-Type', type] as const] : []),
    ...(bearer !== undefined
      ? [['Authorization', `Bearer ${bearer}`] as const]
      : user !== undefined
        ? [basicHeader(user)]
        : []),
  ].filter(([name]) => {
    const lowerCase = name.toLowerCase()
    return !removed.includes(lowerCase) && headerIn(sent, lowerCase) === undefined
  })
  return {
    method: lastOf('request') ?? (has('head') ? 'HEAD' : hasBody ? 'POST' : 'GET'),
    url: withQuery(url, [...valuesOf('url-query'), ...(has('get') ? data : [])].filter(Boolean)),
    headers: [...sent, ...own],
    body: hasBody ? data.join(has('json') ? '' : '&') : null,
    notes: shortened([
      ...new Set([
        ...notes,
        ...given.flatMap(notesOn),
        ...(moreUrls.length > 0 ? ['Only the first address was read.'] : []),
      ]),
    ]),
  }
}
