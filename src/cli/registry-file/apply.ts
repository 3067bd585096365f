/** Makes the changes of a plan, one after another, over the management API. */

import { Refusal } from '../../local/refusal.ts'
import { type Changed, type ManagementApi, makeChange, pathOf } from '../api.ts'
import { allOf } from '../list-verb.ts'
import type { Change, Plan, State } from './plan.ts'
import type { Printer } from './plan-text.ts'
import { type Entry, isSame, type Section } from './section.ts'

/** More requests than any change needs. Without a limit, a value that is stored in another form would be sent forever. */
const MAX_STEPS = 5

async function listOf(api: ManagementApi, section: Section): Promise<readonly Entry[]> {
  const documents = await allOf(api, { path: section.path, query: section.filter })
  return documents.map(section.entryOf).filter((entry) => !section.isOwn(String(entry[section.id])))
}

/** The entries that the registry has in these sections, without the registry's own clients. */
export async function readState(api: ManagementApi, sections: readonly Section[]): Promise<State> {
  const state = new Map<string, readonly Entry[]>()
  for (const section of sections) state.set(section.name, await listOf(api, section))
  return state
}

type Report = Pick<Printer, 'secret' | 'note'>

const placeOf = ({ section: { path }, id }: Change) => `${path}${pathOf`/${id}`}` as const

const hasChanged = ({ section, id }: Change) =>
  new Refusal(`${section.noun} ${id} has changed since the plan was made`)

/** The record as it is now. It must be the record on which the plan was made. */
async function readAgain(api: ManagementApi, change: Change): Promise<Changed> {
  const { body, etag } = await api.call({ method: 'GET', path: placeOf(change) })
  if (!isSame(change.section.entryOf(body), change.before)) throw hasChanged(change)
  return { document: body, etag }
}

async function create(api: ManagementApi, change: Change, after: Entry, report: Report) {
  const { section } = change
  const call = { method: 'POST', path: section.path, body: section.firstBody(after) } as const
  const created = await makeChange(api, call, report.note)
  const { client_secret: secret } = created.document
  if (typeof secret === 'string') await report.secret(change, secret)
  return created
}

/** Sends requests until the record is as planned. */
async function finish(
  api: ManagementApi,
  change: Change,
  after: Entry,
  { begun, report }: Readonly<{ begun: Changed; report: Report }>,
) {
  const { section, id } = change
  let { document, etag } = begun
  for (let step = 0; step < MAX_STEPS; step += 1) {
    const body = section.nextBody(section.entryOf(document), after)
    if (body === null) return
    const call = { method: 'PATCH', path: placeOf(change), body, ifMatch: etag } as const
    ;({ document, etag } = await makeChange(api, call, report.note))
  }
  throw new Refusal(`the registry keeps ${section.noun} ${id} in another form than the file has`)
}

async function makeOne(api: ManagementApi, change: Change, report: Report): Promise<void> {
  const { action, after } = change
  if (after === null) {
    const { etag } = await readAgain(api, change)
    await makeChange(api, { method: 'DELETE', path: placeOf(change), ifMatch: etag }, report.note)
    return
  }
  const begun =
    action === 'create' ? await create(api, change, after, report) : await readAgain(api, change)
  await finish(api, change, after, { begun, report })
}

/** Makes all changes of a section at once, if the API replaces the section's list as a whole. */
async function replaceList(
  api: ManagementApi,
  changes: readonly Change[],
  section: Section,
  { planned, report }: Readonly<{ planned: readonly Entry[]; report: Report }>,
) {
  const { etag } = await api.call({ method: 'GET', path: section.path, query: { limit: 1 } })
  if (!isSame(await listOf(api, section), planned)) {
    throw new Refusal(`the ${section.name} have changed since the plan was made`)
  }
  const changed = new Map(changes.map(({ id, after }) => [id, after]))
  const kept = planned.filter((entry) => !changed.has(String(entry[section.id])))
  const items = [...kept, ...changed.values()].filter((entry) => entry !== null)
  const call = { method: 'PUT', path: section.path, body: { items } } as const
  await makeChange(api, { ...call, ifMatch: etag }, report.note)
}

/** Calls `done` after each change. Throws at the first one that fails: earlier changes stay, later ones are not made. */
export async function makeChanges(
  api: ManagementApi,
  { changes }: Pick<Plan, 'changes'>,
  state: State,
  report: Report & Pick<Printer, 'done'>,
): Promise<void> {
  const made = new Set<Section>()
  for (const change of changes) {
    const { section } = change
    if (!section.isOneList) await makeOne(api, change, report)
    else if (!made.has(section)) {
      const ofSection = changes.filter((one) => one.section === section)
      const planned = state.get(section.name) ?? []
      await replaceList(api, ofSection, section, { planned, report })
      made.add(section)
    }
    await report.done(change)
  }
}
