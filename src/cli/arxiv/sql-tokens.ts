/** Cuts the text of an SQL dump, which arrives in pieces, into tokens. Comments are not tokens. */

import { refusalAt } from './tables.ts'

/** `name`: a quoted identifier, or a text in MySQL's double quotes. `blob`: the bytes of a hexadecimal literal as text. */
export type Token = Readonly<{
  kind: 'word' | 'name' | 'text' | 'blob' | 'number' | 'mark'
  text: string
  /** The line of the token's first character, counted from 1. */
  line: number
}>

export const isMark = (token: Token | undefined, mark: string) =>
  token?.kind === 'mark' && token.text === mark

/** The program that wrote the dump decides what a backslash in a text means. */
type Dialect = 'unknown' | 'standard' | 'mysql'

/** The limit in characters. By default MySQL sends no more bytes in a packet. */
const LONGEST_TOKEN = 16_777_216

const SPACE = /\s+/y
const LINE_COMMENT = /--[^\n]*\n?/y
const HASH_COMMENT = /#[^\n]*\n?/y
const WORD = /[A-Za-z_$\u0080-\uffff][\w$\u0080-\uffff]*/y
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y
const HEXADECIMAL = /[xX]'([0-9A-Fa-f]*)'|0x([0-9A-Fa-f]+)/y

const QUOTES: Readonly<Record<string, 'text' | 'name'>> = { "'": 'text', '"': 'name', '`': 'name' }
const MYSQL_ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\x1a',
  // These two escapes keep their backslash.
  '%': '\\%',
  _: '\\_',
}
const MYSQL_COMMENT = /^\/\*M?!|^-- (?:MySQL|MariaDB|phpMyAdmin)/
const MYSQL_WORD = /^(?:ENGINE|AUTO_INCREMENT)$/i
/** The first word of the dumps of SQLite. */
const SQLITE_WORD = /^PRAGMA$/i

export const bytesAsText = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

/** The end of the quoted text; -1 if it has not arrived. The last character of `text` may be the first of two quotes. */
function endOfQuoted(text: string, start: number, hasEscapes: boolean): number {
  const quote = text[start]
  for (let at = start + 1; at < text.length - 1; at++) {
    const character = text[at]
    if (character === '\\' && hasEscapes) at++
    else if (character === quote && text[at + 1] === quote) at++
    else if (character === quote) return at
  }
  return -1
}

function unquoted(text: string, quote: string, hasEscapes: boolean): string {
  if (!hasEscapes) return text.replaceAll(quote + quote, quote)
  return text.replace(/''|""|``|\\([\s\S])/g, (found, escaped?: string) => {
    if (escaped !== undefined) return MYSQL_ESCAPES[escaped] ?? escaped
    return found[0] === quote ? quote : found
  })
}

/** A token, or spaces or a comment. `end`: the position of its end in the text. */
type Next = Readonly<{ kind: Token['kind'] | 'space'; text: string; end: number }>

export class SqlTokens {
  #text = ''
  #at = 0
  #line = 1
  #dialect: Dialect = 'unknown'
  /** A token that has not arrived as a whole is tried again when the text is twice as long: the work stays linear. */
  #enough = 0

  #match(pattern: RegExp) {
    pattern.lastIndex = this.#at
    return pattern.exec(this.#text)
  }

  /** The tokens that are complete with this piece. `isLast`: no piece follows. */
  *read(piece: string, isLast = false): Generator<Token> {
    // At the end of the file a line feed completes an open token.
    this.#text = this.#text.slice(this.#at) + piece + (isLast ? '\n' : '')
    this.#at = 0
    if (this.#text.length < this.#enough && !isLast) return
    this.#enough = 0
    while (this.#at < this.#text.length) {
      const line = this.#line
      const next = this.#next()
      // A token that ends with the piece may continue in the next piece.
      if (!next || (next.end >= this.#text.length && !isLast)) return this.#wait(isLast)
      this.#advance(next.end)
      if (next.kind !== 'space') yield { kind: next.kind, text: next.text, line }
    }
  }

  #wait(isLast: boolean) {
    const length = this.#text.length - this.#at
    if (isLast || length > LONGEST_TOKEN) {
      const what = isLast ? 'the file ends inside a text' : 'a text is longer than 16 MiB'
      throw refusalAt(this.#line, `${what} that begins here`)
    }
    this.#enough = 2 * length
  }

  #advance(end: number) {
    let newline = this.#text.indexOf('\n', this.#at)
    while (newline !== -1 && newline < end) {
      this.#line++
      newline = this.#text.indexOf('\n', newline + 1)
    }
    this.#at = end
  }

  #learn(isMysql: boolean) {
    if (isMysql && this.#dialect === 'unknown') this.#dialect = 'mysql'
  }

  /** Null if the end of the token has not arrived. */
  #next(): Next | null {
    const start = this.#text[this.#at] as string
    if (start === '/' && this.#text[this.#at + 1] === '*') {
      this.#learn(MYSQL_COMMENT.test(this.#text.slice(this.#at, this.#at + 4)))
      const end = this.#text.indexOf('*/', this.#at + 2)
      return end === -1 ? null : { kind: 'space', text: '', end: end + 2 }
    }
    const isHash = start === '#' && this.#dialect !== 'standard'
    const space =
      this.#match(SPACE) ?? this.#match(LINE_COMMENT) ?? (isHash && this.#match(HASH_COMMENT))
    if (space) {
      this.#learn(MYSQL_COMMENT.test(space[0]))
      return this.#found('space', space)
    }
    this.#learn(start === '`')
    const quoted = QUOTES[start]
    if (quoted) {
      const hasEscapes = this.#dialect === 'mysql' && start !== '`'
      const end = endOfQuoted(this.#text, this.#at, hasEscapes)
      if (end === -1) return null
      const text = this.#text.slice(this.#at + 1, end)
      return { kind: quoted, text: unquoted(text, start, hasEscapes), end: end + 1 }
    }
    const blob = this.#match(HEXADECIMAL)
    if (blob) {
      const bytes = Buffer.from(blob[1] ?? blob[2] ?? '', 'hex')
      return this.#found('blob', blob, bytesAsText(bytes))
    }
    const word = this.#match(WORD)
    if (word) {
      if (SQLITE_WORD.test(word[0]) && this.#dialect === 'unknown') this.#dialect = 'standard'
      this.#learn(MYSQL_WORD.test(word[0]))
      return this.#found('word', word)
    }
    const number = this.#match(NUMBER)
    return number ? this.#found('number', number) : { kind: 'mark', text: start, end: this.#at + 1 }
  }

  #found(kind: Next['kind'], found: RegExpExecArray, text = found[0]): Next {
    return { kind, text, end: this.#at + found[0].length }
  }
}
