/** What a page shows of a request: neither secrets nor invisible characters. */

import type { ShownRequest, ShownValue } from '../../pages/portal/check-page.tsx'
import { formPairs, type Pairs } from '../../protocol/fields.ts'
import { withoutCredentials } from '../../protocol/sanitize.ts'
import type { SentRequest } from './curl.ts'

const MAX_SHOWN = 30
const MAX_LENGTH = 500

/** Parameters whose value is not a secret. */
const OPEN: ReadonlySet<string> = new Set(
  `grant_type response_type response_mode client_id redirect_uri scope resource code_challenge code_challenge_method
  dpop_jkt prompt max_age client_assertion_type state nonce`.split(/\s+/),
)
const OPEN_HEADERS: ReadonlySet<string> = new Set(['content-type', 'accept'])
const NAME = /^[a-z_]{1,40}$/
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9-]{0,40}$/
const SCHEME = /^([A-Za-z]{3,12}) /

/** Control, format, private-use and unassigned characters, and half surrogate pairs. */
const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu

/** The text without credentials of the registry and without JWTs. */
export function visible(text: string, maxLength = MAX_LENGTH): string {
  const clean = withoutCredentials(text.slice(0, maxLength * 4)).replace(UNSEEN, '\ufffd')
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}…` : clean
}

const shown = (name: string, value: string): ShownValue => ({
  name,
  value: visible(value),
  hidden: 0,
})
const hidden = (name: string, value: string): ShownValue => ({
  name,
  value: null,
  hidden: value.length,
})

function shownParameter([name, value]: Pairs[number]): ShownValue {
  if (!NAME.test(name)) return hidden('(unusual name)', value)
  return OPEN.has(name) ? shown(name, value) : hidden(name, value)
}

function shownHeader([name, value]: Pairs[number]): ShownValue {
  if (!HEADER_NAME.test(name)) return hidden('(unusual name)', value)
  if (OPEN_HEADERS.has(name.toLowerCase())) return shown(name, value)
  const scheme = name.toLowerCase() === 'authorization' ? SCHEME.exec(value)?.[1] : undefined
  return scheme === undefined
    ? hidden(name, value)
    : hidden(`${name}: ${scheme}`, value.slice(scheme.length + 1))
}

export const pairsOf = ({ body }: Pick<SentRequest, 'body'>, url: URL): Pairs => [
  ...url.searchParams,
  ...(body === null ? [] : formPairs(body)),
]

export function shownRequest(sent: SentRequest, url: URL): ShownRequest {
  const pairs = pairsOf(sent, url)
  const { headers } = sent
  return {
    method: visible(sent.method, 10),
    address: visible(url.origin + url.pathname),
    headers: headers.slice(0, MAX_SHOWN).map(shownHeader),
    parameters: pairs.slice(0, MAX_SHOWN).map(shownParameter),
    more: Math.max(0, headers.length - MAX_SHOWN) + Math.max(0, pairs.length - MAX_SHOWN),
  }
}

/** The pasted text for the field of the form; empty if a part of the text must not be shown. */
export function shownAgain(text: string, { headers, parameters, more }: ShownRequest): string {
  const isHidden =
    more > 0 ||
    text.includes('@') ||
    [...headers, ...parameters].some(({ value }) => value === null)
  const lines = text.split(/\r\n|[\r\n]/)
  const isPlain = lines.every((line) => visible(line, text.length) === line)
  return isPlain && !isHidden ? text : ''
}
