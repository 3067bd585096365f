/** JSON from a caller, stricter than `JSON.parse`: each member once (RFC 8259 §4), bounded depth, text that D1 keeps as it is. */

const MAX_DEPTH = 10
/** A string, or a character that opens, closes or separates. Only used on text that is valid JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g

/** `field` is where: `redirect_uris[2]`; empty for the whole. */
export class JsonProblem extends Error {
  readonly field: string

  constructor(field: string, message: string) {
    super(message)
    this.name = 'JsonProblem'
    this.field = field
  }
}

/** Where a value stands, as people write it: `keys[0].kid`. */
export const pathText = (path: readonly PropertyKey[]) =>
  path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')

type Level = { names: Set<string> | null; at: string | number; expectsName: boolean }

const fieldOf = (levels: readonly Level[]) => pathText(levels.map(({ at }) => at))

/** Bad text would be another text once it was stored. */
function checkText(text: string, field: string) {
  if (!text.isWellFormed()) throw new JsonProblem(field, 'must not have half of a surrogate pair')
  if (text.includes('\0')) throw new JsonProblem(field, 'must not have the character U+0000')
}

/** Walks over valid JSON: `JSON.parse` keeps the last of two members of one name and says nothing. */
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
