/**
 * TOML as wrangler.toml uses it: tables, arrays of tables, one-line strings, numbers, booleans, arrays and inline
 * tables. Anything else is refused with its line, never misread. Ours, because importing wrangler for its reader
 * takes longer than a whole command of the administrator.
 */

import { Refusal } from './refusal.ts'

export type TomlValue = string | number | boolean | TomlValue[] | TomlTable
export type TomlTable = { [key: string]: TomlValue }

const SPACE = /(?:[ \t]|\r?\n|#[^\n]*)*/y
const BLANK = /[ \t]*/y
const LINE_END = /[ \t]*(?:#[^\n]*)?(?:\r?\n|$)/y
const KEY = /[A-Za-z0-9_-]+|"[^"\\\n]*"|'[^'\n]*'/y
const BASIC_STRING = /"(?!"")(?:[^"\\\n]|\\.)*"/y
const LITERAL_STRING = /'(?!'')[^'\n]*'/y
const NUMBER = /[+-]?\d[\d_]*(?:\.\d+)?(?![\w:.-])/y
const BOOLEAN = /(?:true|false)\b/y

/** `file` is for the refusals. */
export function parseToml(text: string, file: string): TomlTable {
  let at = 0
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  const refuse = (what: string): never => {
    throw new Refusal(`${file}:${text.slice(0, at).split('\n').length}: ${what}`)
  }
  const expect = (pattern: RegExp, what: string) => take(pattern) ?? refuse(`expected ${what}`)
  const isNext = (mark: string) => {
    const found = text.startsWith(mark, at)
    if (found) at += mark.length
    return found
  }

  const readKey = () => {
    const path: string[] = []
    do {
      take(BLANK)
      path.push(expect(KEY, 'a key').replace(/^["']|["']$/g, ''))
      take(BLANK)
    } while (isNext('.'))
    return path
  }

  const readString = (found: string) => {
    try {
      return JSON.parse(found) as string
    } catch {
      return refuse('expected a string with the escapes of JSON')
    }
  }

  const readArray = () => {
    const values: TomlValue[] = []
    for (take(SPACE); !isNext(']'); take(SPACE)) {
      values.push(readValue())
      take(SPACE)
      if (!isNext(',') && text[at] !== ']') refuse('expected a comma or the end of the array')
    }
    return values
  }

  const readInlineTable = () => {
    const table: TomlTable = {}
    for (take(BLANK); !isNext('}'); take(BLANK)) {
      readPair(table)
      take(BLANK)
      if (!isNext(',') && text[at] !== '}') refuse('expected a comma or the end of the table')
    }
    return table
  }

  function readValue(): TomlValue {
    if (isNext('[')) return readArray()
    if (isNext('{')) return readInlineTable()
    const basic = take(BASIC_STRING)
    if (basic !== undefined) return readString(basic)
    const literal = take(LITERAL_STRING)
    if (literal !== undefined) return literal.slice(1, -1)
    const number = take(NUMBER)
    if (number !== undefined) return Number(number.replaceAll('_', ''))
    return expect(BOOLEAN, 'a string, a number, a boolean, an array or an inline table') === 'true'
  }

  /** The table at this path, made where missing; of an array of tables the last one. */
  const descend = (from: TomlTable, path: readonly string[]) => {
    let table = from
    for (const key of path) {
      if (!Object.hasOwn(table, key)) table[key] = {}
      const value = table[key]
      const next = Array.isArray(value) ? value.at(-1) : value
      if (typeof next !== 'object' || Array.isArray(next)) return refuse(`${key} is not a table`)
      table = next
    }
    return table
  }

  function readPair(into: TomlTable) {
    const path = readKey()
    if (!isNext('=')) refuse('expected =')
    take(BLANK)
    const name = path.pop() ?? ''
    const table = descend(into, path)
    if (Object.hasOwn(table, name)) refuse(`${name} is there twice`)
    table[name] = readValue()
  }

  const root: TomlTable = {}
  let current = root
  for (take(SPACE); at < text.length; take(SPACE)) {
    if (isNext('[[')) {
      const path = readKey()
      if (!isNext(']]')) refuse('expected ]]')
      const name = path.pop() ?? ''
      const parent = descend(root, path)
      const rows = Object.hasOwn(parent, name) ? parent[name] : []
      if (!Array.isArray(rows)) return refuse(`${name} is not an array of tables`)
      current = {}
      parent[name] = [...rows, current]
    } else if (isNext('[')) {
      current = descend(root, readKey())
      if (!isNext(']')) refuse('expected ]')
    } else {
      readPair(current)
    }
    expect(LINE_END, 'the end of the line')
  }
  return root
}
