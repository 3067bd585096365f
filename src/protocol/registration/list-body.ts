/** A body with a list of named items, as an import sends it. If any item is invalid, the whole list is refused. */

import * as z from 'zod/mini'
import { MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import { invalid, quote, RegistrationError } from './errors.ts'
import { requireValid, type Schema } from './field.ts'

const LIST_ERROR = '{field} must be a list'
const TOO_LONG = `{field} must not have more than ${MAX_DECLARED} items`

export const listOf = <Item extends Schema>(item: Item) =>
  z.strictObject({
    items: z
      .array(item, { error: LIST_ERROR })
      .check(z.maxLength(MAX_DECLARED, { error: TOO_LONG })),
  })

/** The schema accepts any items, because they are checked one by one afterwards. */
const ANY_ITEMS = listOf(z.unknown())

/** `index` is the position in the list; `problem` names the item's field. */
type ItemProblem = Readonly<{ index: number; problem: RegistrationError }>

/** The items, and the problems: every invalid item, and every name that occurs twice. */
export function readItems<Item extends Readonly<{ name: string }>>(
  values: readonly unknown[],
  read: (value: unknown) => Item,
) {
  const items = new Map<string, Item>()
  const problems: ItemProblem[] = []
  const refuse = (index: number, problem: RegistrationError) => problems.push({ index, problem })
  for (const [index, value] of values.entries()) {
    try {
      const item = read(value)
      const { name } = item
      if (!items.has(name)) items.set(name, item)
      else refuse(index, invalid(`{field} ${quote(name)} comes twice`, 'name'))
    } catch (problem) {
      if (!(problem instanceof RegistrationError)) throw problem
      refuse(index, problem)
    }
  }
  return { items: [...items.values()], problems }
}

/** Throws a RegistrationError that names the first bad item, as in `items[3].name`. */
export function readList<Item extends Readonly<{ name: string }>>(
  value: unknown,
  read: (item: unknown) => Item,
): readonly Item[] {
  const { items, problems } = readItems(requireValid(ANY_ITEMS, value).items, read)
  const [first, ...others] = problems
  if (!first) return items
  const more = others.length === 0 ? '' : `; ${others.length} more items are bad`
  const { index, problem } = first
  const field = `items[${index}]${problem.field === null ? '' : `.${problem.field}`}`
  const sentence = problem.in({ nameOf: () => '{field}', empty: '{empty}' })
  throw invalid(`${sentence}${more}`, field)
}
