/** What an administrator does to everything that is declared under a key: scopes, resources, hosts of documents. */

import { MAX_DECLARED } from '../../domain/scope-catalogue.ts'
import type { DeclaredForm } from '../../protocol/registration/declared-form.ts'
import { conflict, notFound, quote } from '../../protocol/registration/errors.ts'
import type { DeclaredRegistry } from '../../stores/declared.ts'
import type { RegistrationPorts } from '../../stores/registration.ts'
import type { Changed } from '../../stores/registration-ports.ts'
import {
  type Act,
  authorOf,
  changeRecord,
  type ExpectedVersion,
  hasFields,
  type Outcome,
} from './change.ts'
import { requireAdmin } from './privileged.ts'

type Noun<Key extends string, Fields extends object, New, Record> = Readonly<{
  form: DeclaredForm<Key, Fields>
  storeOf: (ports: RegistrationPorts) => DeclaredRegistry<Record, New, Fields>
  /** Turns the key as the caller wrote it into the key as it is stored. */
  keyOf?: (written: string) => string
  isSame?: (known: Record, given: New) => boolean
  /** Throws for fields that this deployment cannot serve. */
  requireServable?: (act: Act, fields: Partial<Fields>) => void
  /** The activity that others are refused, as the beginning of a sentence. */
  what: string
  /** The sentence of the refusal; `key` is quoted. */
  unknown: (key: string) => string
  isOther: (key: string) => string
  tooMany: string
}>

export const tooMany = (words: string) => conflict(`at most ${MAX_DECLARED} ${words}`)

/** Each verb throws a RegistrationError if it is refused. */
export function declaredVerbs<
  Key extends string,
  Fields extends object,
  New extends Fields & { readonly [key in Key]: string },
  Record extends New & Readonly<{ version: number }>,
>({
  form,
  storeOf,
  keyOf = (written) => written,
  isSame = hasFields<Record>,
  requireServable,
  ...words
}: Noun<Key, Fields, New, Record>) {
  const unknown = (written: string) => notFound(words.unknown(quote(written)), form.key)
  const change = (
    act: Act,
    written: string,
    expected: ExpectedVersion,
    decide: (before: Record) => Promise<Changed<Record>>,
  ): Promise<Outcome<Record>> => {
    requireAdmin(act.actor, words.what)
    const find = () => storeOf(act.ports).find(keyOf(written))
    return changeRecord(act, expected, { find, unknown: () => unknown(written), change: decide })
  }
  return {
    change,

    async find({ ports }: Pick<Act, 'ports'>, written: string): Promise<Record> {
      const record = await storeOf(ports).find(keyOf(written))
      if (!record) throw unknown(written)
      return record
    },

    /** The call may be repeated: the same content changes nothing, other content is a conflict. */
    async create(act: Act, given: New): Promise<Outcome<Record> & Readonly<{ isNew: boolean }>> {
      requireServable?.(act, given)
      requireAdmin(act.actor, words.what)
      const { [form.key]: key } = given
      const store = storeOf(act.ports)
      const created = await store.create(given, authorOf(act), form.auditOf(key, given))
      if (created === 'too_many') throw tooMany(words.tooMany)
      if (created) return { record: created, notes: [], isNew: true }
      const record = await store.find(key)
      if (record && isSame(record, given)) return { record, notes: [], isNew: false }
      throw conflict(words.isOther(quote(key)), form.key)
    },

    update: async (
      act: Act,
      written: string,
      fields: Partial<Fields>,
      expected: ExpectedVersion = null,
    ) =>
      change(act, written, expected, async (before) => {
        requireServable?.(act, fields)
        const detail = form.auditOf(before[form.key], fields)
        return storeOf(act.ports).update(before, fields, authorOf(act), detail)
      }),
  }
}
