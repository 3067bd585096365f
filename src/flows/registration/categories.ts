/** What an administrator does to categories: they are one list, which is replaced as a whole. */

import { hexDigest } from '../../crypto/digest.ts'
import { type Category, MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import { conflict, stale } from '../../protocol/registration/errors.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import { type Act as AnyAct, authorOf, type ExpectedVersion } from './change.ts'
import { requireAdmin } from './privileged.ts'
import { DECLARING } from './scopes.ts'

type Act = AnyAct<Pick<RegistrationPorts, 'categories'>>

/** Attempts of a change without an expected version, while others change the list. */
const MAX_ROUNDS = 5

/** The version is 48 bits of the list's digest, because the list has no column for a version. */
const versionOf = async (text: string) => Number.parseInt((await hexDigest(text)).slice(0, 12), 16)

/** At most `rows` categories after the name `after`, with the version of the whole list. */
export async function pageOfCategories(
  { ports }: Pick<Act, 'ports'>,
  after: string,
  rows: number,
): Promise<Readonly<{ categories: readonly Category[]; version: number }>> {
  const { categories, text } = await ports.categories.page(after, rows)
  return { categories, version: await versionOf(text) }
}

export type ReplacedCategories = Readonly<{
  added: number
  changed: number
  removed: number
  version: number
  notes: readonly string[]
}>

/** Categories that are not given are no longer declared. Only the words that pages show depend on categories. */
export async function replaceCategories(
  act: Act,
  categories: readonly Category[],
  expected: ExpectedVersion = null,
): Promise<ReplacedCategories> {
  requireAdmin(act.actor, DECLARING)
  const registry = act.ports.categories
  for (let round = 1; round <= MAX_ROUNDS; round += 1) {
    const { text } = await registry.read()
    if (expected !== null && expected !== (await versionOf(text))) break
    const done = await registry.replace(text, categories, authorOf(act))
    if (done.kind === 'too_many') {
      throw conflict(`at most ${MAX_DECLARED} categories can be declared`)
    }
    if (done.kind === 'replaced') {
      const { added, changed, removed } = done
      return { added, changed, removed, version: await versionOf(done.text), notes: [] }
    }
    if (expected !== null) break
  }
  throw stale('the list has changed since it was read')
}
