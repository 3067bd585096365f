/** A document for people: a line for each field, a block for each record. */

import { printable } from './printable.ts'

type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }
type Fields = Readonly<Record<string, Value>>

const INDENT = '  '

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

function block(fields: Fields): string {
  const width = Math.max(...Object.keys(fields).map((name) => name.length))
  return Object.entries(fields)
    .flatMap(([name, value]) => fieldLines(name, value, width))
    .join('\n')
}

/** `document` is plain JSON data: an object or a list of them. */
export function textForm(document: unknown): string {
  if (!Array.isArray(document)) return block(document as Fields)
  return document.length === 0 ? 'none' : (document as Fields[]).map(block).join('\n\n')
}
