/** A request as a command of curl: which request curl would send. Files are never read. */

import { optionsIn, SILENT, WITH_VALUE } from './curl-options.ts'
import { shellWords } from './shell-words.ts'

export type SentRequest = Readonly<{
  method: string
  /** As written. */
  url: string
  headers: readonly (readonly [name: string, value: string])[]
  body: string | null
  /** Sentences about what was not read as curl would. */
  notes: readonly string[]
}>

/** The last header of the name, which is in lower case; undefined if there is none. */
export const headerIn = (headers: SentRequest['headers'], wanted: string) =>
  headers.findLast(([name]) => name.toLowerCase() === wanted)?.[1]

/** An option of this form is named on the page. Any other text may be a secret. */
const OPTION = /^--[a-z0-9][a-z0-9.-]{0,40}$/

const FORM = 'application/x-www-form-urlencoded'
const isWebAddress = (word: string) => /^[a-z][a-z0-9+.-]*:\/\//i.test(word) || word.includes('/')

/** The header of a name and a password, as curl sends it. */
export const basicHeader = (user: string) =>
  ['Authorization', `Basic ${base64(user.includes(':') ? user : `${user}:`)}`] as const

const base64 = (text: string) =>
  btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))

/** As curl encodes: everything except letters, digits and - . _ ~ */
const encoded = (text: string) =>
  encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )

const MAX_NOTES = 20

/** The most notes: a long command could cause thousands. */
const shortened = (notes: readonly string[]) =>
  notes.length <= MAX_NOTES
    ? notes
    : [...notes.slice(0, MAX_NOTES), `There are ${notes.length - MAX_NOTES} more notes like these.`]

class Command {
  method: string | null = null
  credentials: string | null = null
  bearer: string | null = null
  isGet = false
  isJson = false
  isMultipart = false
  readonly urls: string[] = []
  readonly data: string[] = []
  readonly query: string[] = []
  readonly headers: (readonly [string, string])[] = []
  readonly removed = new Set<string>()
  private readonly notes: Set<string>

  constructor(notes: readonly string[]) {
    this.notes = new Set(notes)
  }

  note(sentence: string) {
    this.notes.add(sentence)
  }

  noteFile(option: string) {
    this.note(`--${option} names a file, which was not read. Write its content in its place.`)
  }

  header(text: string) {
    if (text.startsWith('@')) return this.noteFile('header')
    const colon = text.search(/[:;]/)
    if (colon <= 0) return this.note('A header without a colon was left out, as curl does.')
    const [name, value] = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
    // `Name:` without a value removes a header of curl's own; `Name;` sends it empty.
    if (value === '' && text[colon] === ':') this.removed.add(name.toLowerCase())
    else this.headers.push([name, value])
  }

  user(text: string) {
    this.credentials = text
    if (text.includes(':')) return
    this.note('-u has no colon, so curl would ask for the secret. It was taken as empty.')
  }

  head() {
    this.method ??= 'HEAD'
  }

  add(option: string, text: string) {
    this.isJson ||= option === 'json'
    const readsFiles = option !== 'data-raw'
    if (option !== 'data-urlencode') {
      if (readsFiles && text.startsWith('@')) return this.noteFile(option)
      return void this.data.push(text)
    }
    const [, name = '', mark, content = ''] = /^([^=@]*)([=@])(.*)$/s.exec(text) ?? []
    if (mark === '@') return this.noteFile(option)
    if (mark === undefined) this.data.push(encoded(text))
    else this.data.push(name === '' ? encoded(content) : `${name}=${encoded(content)}`)
  }

  /** Carries out an option. */
  set(option: string, value: string) {
    const act = ACTS.get(option)
    if (act) act(this, value)
    else if (!SILENT.has(option)) this.ignore(`--${option}`)
  }

  ignore(option: string) {
    this.note(
      OPTION.test(option)
        ? `${option} was ignored.`
        : 'An option that is not known here was ignored.',
    )
  }

  request(): SentRequest {
    const [url = ''] = this.urls
    if (this.urls.length > 1) this.note('Only the first address was read.')
    const body = this.data.join(this.isJson ? '' : '&')
    const hasBody = (this.data.length > 0 || this.isMultipart) && !this.isGet
    const query = [...this.query, ...(this.isGet ? this.data : [])].filter(Boolean)
    const [address = '', fragment] = url.split(/#(.*)/s)
    const joined =
      query.length === 0
        ? address
        : `${address}${address.includes('?') ? '&' : '?'}${query.join('&')}`
    return {
      method: this.method ?? (hasBody ? 'POST' : 'GET'),
      url: fragment === undefined ? joined : `${joined}#${fragment}`,
      headers: [...this.headers, ...this.ownHeaders(hasBody)],
      body: hasBody ? body : null,
      notes: shortened([...this.notes]),
    }
  }

  /** Those that curl adds unless a header of the same name is given. */
  private ownHeaders(hasBody: boolean): (readonly [string, string])[] {
    const type = this.isMultipart ? 'multipart/form-data' : this.isJson ? 'application/json' : FORM
    const own: (readonly [string, string] | null)[] = [
      hasBody ? ['Content-Type', type] : null,
      this.bearer !== null
        ? ['Authorization', `Bearer ${this.bearer}`]
        : this.credentials !== null
          ? basicHeader(this.credentials)
          : null,
    ]
    return own
      .filter((header) => header !== null)
      .filter(
        ([name]) =>
          !this.removed.has(name.toLowerCase()) &&
          headerIn(this.headers, name.toLowerCase()) === undefined,
      )
  }
}

type ActOf = (command: Command, value: string) => void

type Flags = Pick<Command, 'method' | 'bearer' | 'isGet' | 'isMultipart'>

const setting =
  (of: (value: string) => Partial<Flags>): ActOf =>
  (command, value) =>
    Object.assign(command, of(value))

const DATA = ['data', 'data-ascii', 'data-raw', 'data-binary', 'data-urlencode', 'json']

/** What the options do that make the request. */
const ACTS: ReadonlyMap<string, ActOf> = new Map<string, ActOf>([
  ['user', (command, value) => command.user(value)],
  ['header', (command, value) => command.header(value)],
  ['url', (command, value) => command.urls.push(value)],
  ['url-query', (command, value) => command.query.push(value)],
  ['request', setting((method) => ({ method }))],
  ['oauth2-bearer', setting((bearer) => ({ bearer }))],
  ['get', setting(() => ({ isGet: true }))],
  ['head', (command) => command.head()],
  ['form', setting(() => ({ isMultipart: true }))],
  ['form-string', setting(() => ({ isMultipart: true }))],
  ...DATA.map((option): [string, ActOf] => [
    option,
    (command, value) => command.add(option, value),
  ]),
])

/** `text` begins with the word curl. */
export function readCurl(text: string): SentRequest {
  const { words, notes } = shellWords(text)
  const command = new Command(notes)
  for (let at = 1; at < words.length; at++) {
    const word = words[at] as string
    if (!word.startsWith('-') || word === '-') {
      command.urls.push(word)
      continue
    }
    for (const [option, attached] of optionsIn(word)) {
      if (option === 'next') {
        command.note('--next begins another request. Only the first was read.')
        return command.request()
      }
      if (WITH_VALUE.has(option)) {
        command.set(option, attached ?? words[++at] ?? '')
      } else if (SILENT.has(option) || option === 'get' || option === 'head') {
        command.set(option, '')
      } else {
        command.ignore(`--${option}`)
        // Its value, if it has one, is no address.
        const next = words[at + 1]
        const isItsValue =
          attached === null && next !== undefined && !next.startsWith('-') && !isWebAddress(next)
        if (isItsValue) at += 1
      }
    }
  }
  return command.request()
}
