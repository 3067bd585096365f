/** Writes an issuer and ids into a wrangler.toml and leaves everything else in it, comments too, as it is. */

import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { parse } from 'smol-toml'
import { Refusal } from '../../local/refusal.ts'

/** `[vars]`, or the `[[table]]` whose `binding` is this. */
export type Place =
  | Readonly<{ table: 'vars' }>
  | Readonly<{ table: 'd1_databases' | 'kv_namespaces'; binding: string }>

const HEADER = /^\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*(?:#.*)?$/
const ASSIGNMENT = /^(\s*([\w-]+)\s*=\s*)("[^"]*"|'[^']*')(.*)$/s

const textIn = (quoted: string) => quoted.slice(1, -1)

/** The lines from below a header to the next one, for each table of the file. */
function tablesOf(lines: readonly string[]) {
  const headers = lines.flatMap((line, at) => {
    const name = HEADER.exec(line)?.[1]
    return name === undefined ? [] : [{ name, at }]
  })
  return headers.map(({ name, at }, i) => ({
    name,
    start: at + 1,
    end: headers[i + 1]?.at ?? lines.length,
  }))
}

/** Null if the text is not laid out as the repository's, for example with an inline table. */
export function withValue(text: string, place: Place, key: string, value: string): string | null {
  const lines = text.split('\n')
  const assigned = (at: number) => ASSIGNMENT.exec(lines[at] ?? '')
  for (const { name, start, end } of tablesOf(lines)) {
    if (name !== place.table) continue
    const inside = Array.from({ length: end - start }, (_, i) => start + i)
    const keyed = (wanted: string) => inside.find((at) => assigned(at)?.[2] === wanted)
    const bindingAt = keyed('binding')
    if ('binding' in place) {
      if (bindingAt === undefined || textIn(assigned(bindingAt)?.[3] ?? '') !== place.binding) {
        continue
      }
    }
    const at = keyed(key)
    if (at === undefined) lines.splice((bindingAt ?? start - 1) + 1, 0, `${key} = "${value}"`)
    else
      lines[at] = (lines[at] ?? '').replace(
        ASSIGNMENT,
        (...[, before, , , after]: string[]) => `${before}"${value}"${after}`,
      )
    const changed = lines.join('\n')
    return valueIn(changed, place, key) === value ? changed : null
  }
  return null
}

function valueIn(text: string, place: Place, key: string): unknown {
  try {
    const config = parse(text) as Record<string, unknown>
    if (!('binding' in place)) return (config.vars as Record<string, unknown>)[key]
    const rows = config[place.table] as Record<string, unknown>[]
    return rows.find(({ binding }) => binding === place.binding)?.[key]
  } catch {
    return undefined
  }
}

/** Undefined if the file has no such place, or no value there. */
export const readValue = (path: string, place: Place, key: string) =>
  valueIn(readFileSync(path, 'utf8'), place, key) as string | undefined

/** A reader sees the old file or the new one, never a part. */
export function writeValue(path: string, place: Place, key: string, value: string) {
  const changed = withValue(readFileSync(path, 'utf8'), place, key, value)
  if (changed === null) {
    const where = 'binding' in place ? `${place.table}, binding ${place.binding}` : place.table
    throw new Refusal(
      `${relative(process.cwd(), path)} is laid out in another way than expected: write ${key} = "${value}" into it by hand (${where})`,
    )
  }
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, changed)
  renameSync(draft, path)
}
