/**
 * JSON from a caller, read more strictly than by `JSON.parse`: no member twice (RFC 8259 §4), bounded depth, and only text
 * that D1 stores unchanged.
 */

const MAX_DEPTH = 10
/** Matches a string, or a character that opens, closes or separates. It is used only on valid JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g

/** `field` is the place of the problem, such as `redirect_uris[2]`; empty if the whole text is meant. */
export class JsonProblem extends Error {
  readonly field: string

  constructor(field: string, message: string) {
    super(message)
    this.name = 'JsonProblem'
    this.field = field
  }
}

/** The place of a value in the form that people write: `keys[0].kid`. */
export const pathText = (path: readonly PropertyKey[]) =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')

type Level = { names: Set<string> | null; at: string | number; expectsName: boolean }

const fieldOf = (levels: readonly Level[]) => pathText(levels.map(({ at }) => at))

/** D1 would store such text as another text. */
function checkText(text: string, field: string) {
  if (!text.isWellFormed()) throw new JsonProblem(field, 'must not have half of a surrogate pair')
  if (text.includes('\0')) throw new JsonProblem(field, 'must not have the character U+0000')
}

/** Walks over valid JSON, because `JSON.parse` silently keeps the last of two members with the same name. */
function checkStructure(text: string) {
  const levels: Level[] = []
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      if (levels.length === MAX_DEPTH) {
        throw new JsonProblem(fieldOf(levels), `must not be nested deeper than ${MAX_DEPTH} levels`)
      }
      const isObject = token === '{'
      levels.push({
        names: isObject ? new Set() : null,
        at: isObject ? '' : 0,
        expectsName: isObject,
      })
    } else if (token === '}' || token === ']') {
      levels.pop()
    } else if (token === ',' && level) {
      if (level.names) level.expectsName = true
      else level.at = Number(level.at) + 1
    } else if (token.startsWith('"')) {
      const value = JSON.parse(token) as string
      if (level?.names && level.expectsName) {
        level.at = value
        level.expectsName = false
        if (level.names.has(value))
          throw new JsonProblem(fieldOf(levels), 'must not be given twice')
        level.names.add(value)
      }
      checkText(value, fieldOf(levels))
    }
  }
}

/** Throws a JsonProblem whose message begins after the field's name. */
export function parseJson(bytes: ArrayBuffer | Uint8Array): unknown {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    throw new JsonProblem('', 'must be UTF-8')
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new JsonProblem('', 'must be JSON')
  }
  checkStructure(text)
  return value
}
