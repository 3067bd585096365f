/** A file with a list of scopes or categories: its items, checked one by one, each with the line on which it begins. */

import { readText } from '../local/files.ts'
import { Refusal } from '../local/refusal.ts'
import { readItems } from '../protocol/registration/list-body.ts'
import { printable } from './text-form.ts'
import type { Io } from './verb.ts'

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
  const { parseText } = await import('./registry-file/text.ts')
  const { lineOf } = parseText(text)
  for (const { index, problem } of problems) {
    io.stderr.write(`error: line ${lineOf([member, index])}: ${printable(problem.message)}\n`)
  }
  throw new Refusal(
    `${what}: ${problems.length} of ${values.length} ${member} are bad, and nothing was changed`,
  )
}
