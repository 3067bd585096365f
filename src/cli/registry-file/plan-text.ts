/** What `apply` prints of a plan: lines for people, or one document. */

import { counted, printable } from '../text-form.ts'
import { type Io, note, writeOut } from '../verb.ts'
import type { Change, Plan } from './plan.ts'
import { asSet, differing, type Entry, fileForm, type Section } from './section.ts'

const MAX_VALUE_LENGTH = 100

type FieldChange = Readonly<{ field: string; from: unknown; to: unknown }>

/** The members that differ. For a new entry, those that differ from the defaults; for a deleted entry, none. */
function fieldChanges({ section, before, after }: Change): FieldChange[] {
  if (!after) return []
  const shown = before ? differing(before, after) : fileForm(section, after)
  return section.members
    .filter((field) => field in shown && field !== section.id)
    .map((field) => ({ field, from: before?.[field] ?? null, to: after[field] }))
}

const shortened = (text: string) =>
  text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH - 1)}…` : text

function valueText(value: unknown): string {
  if (value === null) return 'none'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return shortened(JSON.stringify(value))
}

const isList = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')

/** `+` marks what is added, `-` what is removed. */
function fieldText({ field, from, to }: FieldChange, isNew: boolean): string {
  if (isList(to)) {
    const held = isList(from) ? from : []
    const given = asSet(to).filter((one) => !held.includes(one))
    const taken = held.filter((one) => !to.includes(one))
    const signed = [...given.map((one) => `+ ${one}`), ...taken.map((one) => `- ${one}`)]
    return `${field}: ${isNew ? to.join(' ') || '-' : signed.join('  ')}`
  }
  return isNew ? `${field}: ${valueText(to)}` : `${field}: ${valueText(from)} -> ${valueText(to)}`
}

/** The members that name a deleted entry for people. */
const NAMES = ['name', 'username', 'sentence', 'title'] as const

function nameOf({ section, before }: Change): string {
  const entry: Entry = before ?? {}
  const name = NAMES.find((one) => one !== section.id && typeof entry[one] === 'string')
  return name ? ` (${shortened(String(entry[name]))})` : ''
}

export const headOf = (change: Change) =>
  printable(
    `${change.action} ${change.section.noun} ${change.id}${change.action === 'delete' ? nameOf(change) : ''}`,
  )

export const changeText = (change: Change): string =>
  [
    headOf(change),
    ...fieldChanges(change).map(
      (one) => `    ${printable(fieldText(one, change.before === null))}`,
    ),
  ].join('\n')

export const countedOf = (count: number, { noun, name }: Section) =>
  counted(count, noun, name.replace('_', ' '))

/** One line about entries that the file does not have; empty if it has all. */
export function unlistedText({ unlisted, prunes }: Pick<Plan, 'unlisted' | 'prunes'>): string {
  if (unlisted.length === 0) return ''
  const counts = unlisted.map(({ section, count }) => countedOf(count, section))
  const isOne = unlisted.reduce((sum, { count }) => sum + count, 0) === 1
  const [is, stays, it] = isOne ? ['is', 'stays', 'it'] : ['are', 'stay', 'them']
  const why = prunes
    ? `: --prune deletes none that has a registry: scope`
    : `: --prune deletes ${it}`
  return `${counts.join(', ')} ${is} not in the file and ${stays}${why}`
}

export function summaryOf({ changes, unchanged }: Pick<Plan, 'changes' | 'unchanged'>): string {
  const of = (action: Change['action']) => changes.filter((one) => one.action === action).length
  const counts = `${of('create')} to create, ${of('change')} to change, ${of('delete')} to delete`
  return `${changes.length === 0 ? 'Nothing to change' : counts}; ${unchanged} as in the file.`
}

const changeDocument = (change: Change) => ({
  action: change.action,
  kind: change.section.noun,
  id: change.id,
  changes: fieldChanges(change),
})

export type Printer = Readonly<{
  plan: (plan: Plan) => Promise<void>
  /** Prints a secret that is shown once: it must reach the person even if a later change fails. */
  secret: (change: Change, secret: string) => Promise<void>
  note: (sentence: string) => void
  done: (change: Change) => Promise<void>
  /** Is called after a failure too, with the changes that were not made. */
  end: (left: readonly Change[]) => Promise<void>
}>

const PAST = { create: 'created', change: 'changed', delete: 'deleted' } as const

export function forPeople(io: Io): Printer {
  const print = (text: string) => writeOut(io, `${text}\n`)
  return {
    async plan(plan) {
      for (const change of plan.changes) await print(changeText(change))
      await print(summaryOf(plan))
      const unlisted = unlistedText(plan)
      if (unlisted !== '') note(io, unlisted)
    },
    note: (sentence) => note(io, sentence),
    secret: (change, secret) => print(`client_secret of ${change.id}, shown only once: ${secret}`),
    done: (change) => print(headOf(change).replace(change.action, PAST[change.action])),
    end: async () => {},
  }
}

/** One document, which is written while the changes are made: a secret is printed before anything else can fail. */
export function asJson(io: Io): Printer {
  let written = 0
  let rest: object = {}
  const secrets = new Map<Change, string>()
  const element = (change: Change, isDone: boolean) => {
    const client_secret = secrets.get(change)
    const document = { ...changeDocument(change), done: isDone }
    const text = JSON.stringify(client_secret ? { ...document, client_secret } : document)
    written += 1
    return writeOut(io, `${written === 1 ? '' : ',\n'}${printable(text)}`)
  }
  return {
    async plan({ unchanged, unlisted }) {
      const counts = unlisted.map(({ section, count }) => [section.name, count])
      rest = { unchanged, not_in_file: Object.fromEntries(counts) }
      await writeOut(io, '{"changes":[')
    },
    note: (sentence) => note(io, sentence),
    secret: async (change, secret) => void secrets.set(change, secret),
    done: (change) => element(change, true),
    async end(left) {
      for (const change of left) await element(change, false)
      await writeOut(io, `],${JSON.stringify(rest).slice(1)}\n`)
    },
  }
}
