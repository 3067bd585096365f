/** Approvers and their forms, and clients with open requests. */

import { createClient } from '../../src/flows/registration/clients.ts'
import { createScope } from '../../src/flows/registration/scopes.ts'
import { type Filled, newOwnedClient, type Owner, ownerWith } from './portal.ts'
import { admin, givenClient } from './registering.ts'
import { type Fetch, newUser, registry, signIn } from './registry.ts'

export const approvalPath = (id: string) => `/approvals/${encodeURIComponent(id)}`

/** A user with `registry:approve`, signed in. */
export async function newApprover(
  scopes: string[] = ['registry:approve'],
  fetch: Fetch = registry,
): Promise<Owner> {
  const user = await newUser({ scopes, endorsements: [] })
  return ownerWith(user, await signIn(user), fetch)
}

export const declareScope = (name: string, sentence: string, more = {}) =>
  createScope(admin(), { name, sentence, selfRegistered: false, sensitive: false, ...more })

/** A client of a new owner with these requests, and the owner. */
export async function newRequest(asked: Filled, changed: Filled = {}) {
  const made = await newOwnedClient(changed)
  const answer = await made.owner.submit(`/clients/${made.id}/permissions`, asked, 'ask')
  if (answer.status !== 303) throw new Error(`asking answered ${answer.status}`)
  return { ...made, path: approvalPath(made.id) }
}

/** A client that an operator registered, with these requests. */
export async function newWaitingClient(lists: Parameters<typeof givenClient>[0] = {}) {
  const { record } = await createClient(admin(), givenClient({ mode: 'request', ...lists }))
  return record
}

/** Sends the decision form of a client. Without `ticked` all boxes are ticked. */
export async function decide(
  approver: Owner,
  id: string,
  act: 'approve' | 'decline',
  { ticked, reason = '' }: Readonly<{ ticked?: readonly string[]; reason?: string }> = {},
) {
  return approver.submit(approvalPath(id), {
    ...(ticked && { decide: ticked }),
    act,
    reason,
  })
}
