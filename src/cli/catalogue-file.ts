/** A file with a list of scopes or categories: its items, checked one by one, each with the line on which it begins. */

import { readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { readItems } from '../protocol/registration/list-body.ts'
import { printable } from './text-form.ts'
import type { Io } from './verb.ts'

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g

/** Where each item of the list in this member begins. `text` is a JSON object. */
export function itemStarts(text: string, member: string): number[] {
  let starts: number[] = []
  let [depth, previous, key] = [0, '', '']
  let [isInList, isItemNext] = [false, false]
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (isItemNext && token !== ']') starts.push(index)
    isItemNext = isInList && depth === 2 && token === ','
    if (depth === 1 && token === ':') key = String(JSON.parse(previous))
    if (token === '[' || token === '{') {
      if (depth === 1 && token === '[' && key === member) {
        // JSON.parse keeps the last of several members with one name.
        starts = []
        isInList = true
        isItemNext = true
      }
      depth += 1
    } else if (token === ']' || token === '}') {
      depth -= 1
      if (depth === 1) isInList = false
    }
    previous = token
  }
  return starts
}

function parsed(what: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (fault) {
    throw new Refusal(`${what} is not JSON: ${(fault as Error).message}`)
  }
}

/**
 * The list in this member of the file. Writes a line for each bad item to standard error, and then refuses the whole file.
 * Throws a Refusal.
 */
export async function readCatalogueFile<Item extends Readonly<{ name: string }>>(
  file: string,
  member: 'scopes' | 'categories',
  read: (item: unknown) => Item,
  io: Io,
): Promise<readonly Item[]> {
  const what = JSON.stringify(file)
  const text = await readText(what, file)
  const document = parsed(what, text)
  const values = (document as Readonly<Record<string, unknown>> | null)?.[member]
  if (!Array.isArray(values)) throw new Refusal(`${what} has no list ${JSON.stringify(member)}`)
  const { items, problems } = readItems(values, read)
  if (problems.length === 0) return items
  const starts = itemStarts(text, member)
  for (const { index, problem } of problems) {
    const line = text.slice(0, starts[index]).split('\n').length
    io.stderr.write(`error: line ${line}: ${printable(problem.message)}\n`)
  }
  throw new Refusal(
    `${what}: ${problems.length} of ${values.length} ${member} are bad, and nothing was changed`,
  )
}
