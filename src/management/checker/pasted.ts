/** What an owner pasted, as the request that it stands for: a command of curl, an address, or a form with headers. */

import { readCurl, type SentRequest } from './curl.ts'

/** `problem`: a sentence. */
type Pasted = SentRequest | Readonly<{ problem: string }>

const REQUEST_LINE = /^([A-Z]{3,7}) (\S+)(?: HTTP\/[\d.]+)?$/
const HEADER = /^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$/
const FORM = 'application/x-www-form-urlencoded'

const hasHeader = (headers: SentRequest['headers'], name: string) =>
  headers.some(([given]) => given.toLowerCase() === name)

/** A parameter on each line, or one body that was broken into lines. */
const joined = (lines: readonly string[]) =>
  lines
    .map((line) => line.trim().replace(/^&|&$/g, ''))
    .filter(Boolean)
    .join('&')

/** A form is for the token endpoint, unless it asks for a code. */
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
        'This is no request that can be read here. Paste the address, a command that begins with curl, or a form such as grant_type=…',
    }
  }
  const asksForCode = method === undefined && /(?:^|&)response_type=/.test(body)
  if (asksForCode) {
    return { method: 'GET', url: `/authorize?${body}`, headers, body: null, notes: [] }
  }
  const type = isJson ? 'application/json' : FORM
  const isGet = method === 'GET' || method === 'HEAD'
  const lacksType = !isGet && !hasHeader(headers, 'content-type')
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
  // Not by a pattern: one for the spaces around the ends of lines takes the square of the time.
  const url = trimmed
    .split('\n')
    .map((line) => line.trim())
    .join('')
  if (/^(?:https?:\/\/|\/)\S*$/.test(url)) {
    return { method: 'GET', url, headers: [], body: null, notes: [] }
  }
  return readForm(trimmed)
}
