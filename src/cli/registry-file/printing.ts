/** What `apply` prints: lines for people, or one document. */

import { printable } from '../text-form.ts'
import { type Io, note, writeOut } from '../verb.ts'
import type { Change, Plan } from './plan.ts'
import { changeDocument, changeText, headOf, summaryOf, unlistedText } from './plan-text.ts'

/** What is printed while a plan is made and carried out. */
export type Printer = Readonly<{
  plan: (plan: Plan) => Promise<void>
  secret: (change: Change, secret: string) => Promise<void>
  done: (change: Change) => Promise<void>
  /** Also after a failure, for the changes that were not made. */
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
    secret: (change, secret) => print(`client_secret of ${change.id}, shown this once: ${secret}`),
    done: (change) => print(headOf(change).replace(change.action, PAST[change.action])),
    end: async () => {},
  }
}

/** One document, written as the changes are made: a secret is out before anything else can fail. */
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
    secret: async (change, secret) => void secrets.set(change, secret),
    done: (change) => element(change, true),
    async end(left) {
      for (const change of left) await element(change, false)
      await writeOut(io, `],${JSON.stringify(rest).slice(1)}\n`)
    },
  }
}
