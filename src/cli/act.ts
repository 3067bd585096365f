/** Acts of the administrator: the flows of `flows/registration` on the storage that the options ask for. */

import type { Command } from 'commander'
import { lifetimesOf } from '../config.ts'
import { ADMIN_SCOPE } from '../domain/registry-scopes.ts'
import { ALL_REVOKED_WITHIN_SECONDS } from '../domain/revocation.ts'
import type { Act as RegistrationAct } from '../flows/registration/change.ts'
import type { Storage } from '../local/state.ts'
import { retryWhenBusy } from '../local/state-lock.ts'
import type { Fields } from '../protocol/registration/field.ts'
import { registrationPorts } from '../stores/registration.ts'
import { addOptions, readGiven } from './options.ts'
import { type Io, note, printFrom, refuseUsage, verb } from './verb.ts'

export type Act = RegistrationAct & Readonly<{ usersAreExternal: boolean }>

type Done = Readonly<{ notes: readonly string[] }>
/** What is printed of an outcome: a document, and more of it for people. */
type Printed<Outcome> = Readonly<{
  document: (outcome: Outcome) => object
  forPeople?: (outcome: Outcome) => object
}>

/** For the help of every command that ends something. */
export const WITHIN = `within ${ALL_REVOKED_WITHIN_SECONDS} s`

/** The credentials make the administrator. The name is what this machine says, and proves nothing. */
function actorOf({ USER, LOGNAME, USERNAME }: Io['env']) {
  const name = USER || LOGNAME || USERNAME
  return { name: name ? `administrator ${name}` : 'administrator', scopes: [ADMIN_SCOPE] }
}

/** Begins an act when the storage is open, so that its moment is after any wait. */
async function actsOf(io: Io): Promise<(storage: Storage) => Act> {
  const { readRegistrySettings } = await import('../local/settings.ts')
  const settings = readRegistrySettings(io.env)
  const lifetimes = lifetimesOf(settings)
  return ({ db, sessions }) => {
    const ports = registrationPorts(db, sessions, lifetimes)
    const showInKv = () => retryWhenBusy(ports.revocations.showInKv)
    return {
      ports: { ...ports, revocations: { ...ports.revocations, showInKv } },
      now: Math.floor(Date.now() / 1000),
      actor: actorOf(io.env),
      usersAreExternal: settings.loginUrl !== null,
    }
  }
}

/** As `printFrom`, for an act. Its notes go to standard error. */
export async function printAct<Outcome extends Done>(
  command: Command,
  io: Io,
  work: (act: Act) => Promise<Outcome>,
  { document, forPeople = document }: Printed<Outcome>,
) {
  const begin = await actsOf(io)
  const perform = async (storage: Storage) => {
    const outcome = await work(begin(storage))
    for (const sentence of outcome.notes) note(io, sentence)
    return outcome
  }
  return printFrom(command, io, perform, { document, forPeople })
}

type Verb = Readonly<{
  name: string
  description: string
  /** What follows the name. */
  example: string
}>

/** Verbs of one noun, whose outcomes are all printed in one way. */
export function actVerbs<Outcome extends Done>(noun: Command, io: Io, printed: Printed<Outcome>) {
  type Work<More extends unknown[]> = (act: Act, id: string, ...more: More) => Promise<Outcome>
  return {
    /** Verbs that take an id and no option of their own. */
    addActs(acts: readonly (Verb & Readonly<{ work: Work<[]> }>)[]) {
      for (const { name, description, example, work } of acts) {
        verb(noun, `${name} <id>`, description, `${name} ${example}`).action(
          (id: string, _options, command: Command) =>
            printAct(command, io, (act) => work(act, id), printed),
        )
      }
    },

    /** `authorize` and `withdraw`: verbs that take an id and lists, one value at least. */
    addListsVerbs<Lists>(
      { fields, needs }: Readonly<{ fields: Fields<Lists>; needs: string }>,
      verbs: readonly (Verb & Readonly<{ work: Work<[lists: Partial<Lists>]> }>)[],
    ) {
      for (const { name, description, example, work } of verbs) {
        addOptions(verb(noun, `${name} <id>`, description, `${name} ${example}`), fields).action(
          (id: string, options: Record<string, unknown>, command: Command) => {
            const lists = readGiven(fields, options)
            if (Object.values(lists).every((list) => (list as readonly string[]).length === 0)) {
              refuseUsage(command, `name at least one ${needs}`)
            }
            return printAct(command, io, (act) => work(act, id, lists), printed)
          },
        )
      }
    },
  }
}
