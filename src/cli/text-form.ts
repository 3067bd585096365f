/** Text for a terminal: documents as lines and blocks, lists as tables, and every character made harmless. */

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }
type Fields = Readonly<Record<string, Value>>

const INDENT = '  '
/** Longer texts in a table are cut and end in `…`; ids are never cut. */
const MAX_WIDTH = 40
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

export const escaped = (character: string) =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/**
 * Writes control characters (C0 and C1), line separators and characters that change the direction of writing as escapes of
 * JSON: a name must not move the cursor or look like another name. JSON text keeps its meaning.
 */
export const printable = (text: string) =>
  text.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu,
    (character) => SHORT_ESCAPES[character] ?? escaped(character),
  )

/** `1 client`, `2 clients`. */
export const counted = (count: number, one: string, many = `${one}s`) =>
  `${count} ${count === 1 ? one : many}`

const isFields = (value: Value): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const scalar = (value: Value): string => {
  if (value === null) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (Array.isArray(value)) return (value as readonly Value[]).map(scalar).join('; ') || '-'
  if (isFields(value)) {
    const fields = Object.entries(value).map(([name, inner]) => `${name} ${scalar(inner)}`)
    return fields.join(', ') || '-'
  }
  return printable(String(value)) || '-'
}

function fieldLines(name: string, value: Value, width: number): string[] {
  const label = `${name}:`.padEnd(width + 2)
  if (!Array.isArray(value)) return [`${label}${scalar(value)}`]
  const items = value as readonly Value[]
  if (items.some(isFields)) return [`${name}:`, ...items.map((item) => INDENT + scalar(item))]
  return [`${label}${items.map(scalar).join(' ') || '-'}`]
}

/** A line for each field. `document` is plain JSON data. */
export function textForm(document: object): string {
  const fields = Object.entries(document as Fields)
  const width = Math.max(...fields.map(([name]) => name.length))
  return fields.flatMap(([name, value]) => fieldLines(name, value, width)).join('\n')
}

type Row = readonly string[]

const lengthOf = (text: string) => [...text].length
const shorten = (text: string) =>
  lengthOf(text) > MAX_WIDTH ? `${[...text].slice(0, MAX_WIDTH - 1).join('')}…` : text

/** Prints rows that come page by page. The first page sets the widths. The first column is an id. */
export function tableOf(heads: Row) {
  let widths: readonly number[] | undefined
  return (rows: readonly Row[]): string => {
    const cells = rows.map(([id = '', ...rest]) => [
      printable(id),
      ...rest.map((text) => shorten(printable(text)) || '-'),
    ])
    const isFirst = widths === undefined
    widths ??= heads.map((head, column) =>
      Math.max(lengthOf(head), ...cells.map((row) => lengthOf(row[column] ?? ''))),
    )
    const pad = (text: string, column: number) =>
      text + ' '.repeat(Math.max(0, (widths?.[column] ?? 0) - lengthOf(text)))
    const line = (row: Row) => row.map(pad).join('  ').trimEnd()
    return (isFirst ? [heads, ...cells] : cells).map(line).join('\n')
  }
}
