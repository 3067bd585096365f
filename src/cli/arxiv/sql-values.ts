/** The values of the expressions in `VALUES`: literals, and the functions with which SQLite writes unusual texts. */

import { isMark, type Token } from './sql-tokens.ts'

type Value = string | null

/** The parts between commas that are not in parentheses. */
export function splitAtCommas(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]]
  let depth = 0
  for (const token of tokens) {
    if (isMark(token, '(')) depth++
    if (isMark(token, ')')) depth--
    if (depth === 0 && isMark(token, ',')) parts.push([])
    else parts.at(-1)?.push(token)
  }
  return parts
}

const fromCodes = (codes: readonly Value[]) => {
  const numbers = codes.map(Number)
  return numbers.every((code) => Number.isInteger(code) && code >= 0 && code <= 0x10ffff)
    ? String.fromCodePoint(...numbers)
    : undefined
}

const withEscapes = (text: string) =>
  text.replace(
    /\\(?:\\|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|\+([0-9A-Fa-f]{6})|([0-9A-Fa-f]{4}))/g,
    (whole, ...hex: (string | undefined)[]) => {
      const code = hex.slice(0, 4).find((one) => one !== undefined)
      if (code === undefined) return '\\'
      return Number.parseInt(code, 16) <= 0x10ffff
        ? String.fromCodePoint(Number.parseInt(code, 16))
        : whole
    },
  )

const FUNCTIONS: Readonly<Record<string, (values: readonly Value[]) => Value | undefined>> = {
  char: fromCodes,
  replace: ([text, from, to]) =>
    typeof text === 'string' && typeof from === 'string' && typeof to === 'string'
      ? text.replaceAll(from, () => to)
      : undefined,
  unistr: ([text]) => (typeof text === 'string' ? withEscapes(text) : undefined),
}

const LITERALS = new Set<Token['kind']>(['text', 'blob', 'name', 'number'])
const WORDS: Readonly<Record<string, Value>> = { null: null, true: '1', false: '0' }

/** Undefined for any other expression. */
function meaningOf(tokens: readonly Token[]): Value | undefined {
  const [first, second] = tokens
  if (first === undefined) return undefined
  if (tokens.length === 1) {
    return first.kind === 'word' ? WORDS[first.text.toLowerCase()] : literal(first)
  }
  if (tokens.length === 2 && second) {
    if (isMark(first, '-') && second.kind === 'number') return `-${second.text}`
    // The text may follow a character set (_binary, _utf8mb4), or N for the national one.
    const isIntroduced = first.kind === 'word' && /^(?:_\w+|N)$/i.test(first.text)
    return isIntroduced && second.kind !== 'number' ? literal(second) : undefined
  }
  const work = first.kind === 'word' ? FUNCTIONS[first.text.toLowerCase()] : undefined
  if (!work || !isMark(second, '(') || !isMark(tokens.at(-1), ')')) return undefined
  const given = splitAtCommas(tokens.slice(2, -1)).map(meaningOf)
  return given.includes(undefined) ? undefined : work(given as Value[])
}

const literal = ({ kind, text }: Token) => (LITERALS.has(kind) ? text : undefined)

export const valuesOf = (tokens: readonly Token[]) => splitAtCommas(tokens).map(meaningOf)
