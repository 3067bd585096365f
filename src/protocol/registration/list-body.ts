/** A body with a list of named items, as an import sends it: all of them are good, or the list is refused. */

import * as z from 'zod/mini'
import { MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import { quote, RegistrationError } from './errors.ts'
import { requireValid, type Schema } from './field.ts'

const LIST_ERROR = '{field} must be a list'
const TOO_LONG = `{field} must not have more than ${MAX_DECLARED} items`

export const listOf = <Item extends Schema>(item: Item) =>
  z.strictObject({
    items: z
      .array(item, { error: LIST_ERROR })
      .check(z.maxLength(MAX_DECLARED, { error: TOO_LONG })),
  })

/** The items are checked one by one. */
const ANY_ITEMS = listOf(z.unknown())

/** `index` in the list; `problem` names the item's field. */
type ItemProblem = Readonly<{ index: number; problem: RegistrationError }>

/** Every item that is bad, and every name that comes twice. */
export function itemProblems<Item extends Readonly<{ name: string }>>(
  items: readonly unknown[],
  read: (item: unknown) => Item,
): ItemProblem[] {
  const first = new Map<string, number>()
  return items.flatMap((item, index) => {
    try {
      const { name } = read(item)
      if (!first.has(name)) {
        first.set(name, index)
        return []
      }
      const problem = new RegistrationError('invalid', `{field} ${quote(name)} comes twice`, 'name')
      return [{ index, problem }]
    } catch (problem) {
      if (problem instanceof RegistrationError) return [{ index, problem }]
      throw problem
    }
  })
}

/** Throws a RegistrationError that names the first bad item, as in `items[3].name`. */
export function readList<Item extends Readonly<{ name: string }>>(
  value: unknown,
  read: (item: unknown) => Item,
): readonly Item[] {
  const { items } = requireValid(ANY_ITEMS, value)
  const [first, ...others] = itemProblems(items, read)
  if (!first) return items.map(read)
  const more = others.length === 0 ? '' : `; ${others.length} more items are bad`
  const { index, problem } = first
  const field = `items[${index}]${problem.field === null ? '' : `.${problem.field}`}`
  const sentence = problem.in({ nameOf: () => '{field}', empty: '{empty}' })
  throw new RegistrationError('invalid', `${sentence}${more}`, field)
}
