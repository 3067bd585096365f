/** Owners who offer, accept, leave and are removed in any order and at once, beside an operator who names owners. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MAX_FURTHER_OWNERS } from '../../src/domain/client.ts'
import { createClient, deleteClient, findClient } from '../../src/flows/registration/clients.ts'
import { ownerActor } from '../../src/flows/registration/own-clients.ts'
import {
  acceptOffer,
  declineOffer,
  leaveClient,
  offerOwnership,
  removeOwner,
  takeBackOffer,
} from '../../src/flows/registration/owners.ts'
import { RegistrationError } from '../../src/protocol/registration/errors.ts'
import { admin, changeClient, givenClient, recordOf } from './registering.ts'
import { newUser, type TestUser } from './registry.ts'

const PEOPLE = 4
const OWNED_AT_MOST = 3

const ACTS = [
  'offer',
  'take_back',
  'accept',
  'decline',
  'remove',
  'leave',
  'first',
  'further',
] as const
type Step = Readonly<{ act: (typeof ACTS)[number]; by: number; about: number }>

const person = fc.nat(PEOPLE - 1)
const step: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom(...ACTS),
  by: person,
  about: person,
})

/** Uses the current versions, as on a page that was just opened. */
async function performStep({ act, by, about }: Step, id: string, people: readonly TestUser[]) {
  const [actor, other] = [people[by] as TestUser, people[about] as TestUser]
  const own = { ...admin(), actor: ownerActor(actor.id) }
  const { version } = await recordOf(id)
  switch (act) {
    case 'offer':
      return offerOwnership(own, id, other.username, version)
    case 'take_back':
      return takeBackOffer(own, id, other.id, version)
    case 'accept':
      return acceptOffer(own, id, version)
    case 'decline':
      return declineOffer(own, id)
    case 'remove':
      return removeOwner(own, id, other.id, version)
    case 'leave':
      return leaveClient(own, id, OWNED_AT_MOST, version)
    case 'first':
      return changeClient(id, { fields: { ownerId: other.id } })
    case 'further':
      return changeClient(id, { lists: { furtherOwners: [actor.id, other.id] } })
  }
}

const performSteps = (steps: readonly Step[], id: string, people: readonly TestUser[]) =>
  Promise.all(
    steps.map((one) =>
      performStep(one, id, people).catch((cause: unknown) => {
        if (!(cause instanceof RegistrationError)) throw cause
      }),
    ),
  )

const idsIn = async (sql: string, id: string) => {
  const { results } = await env.DB.prepare(sql).bind(id).all<{ user_id: string }>()
  return results.map((row) => row.user_id)
}

it('after acts in any order, some of them simultaneous, a client has an owner, an owner makes every offer to another user, and every former owner is recorded', async () => {
  const people = await Promise.all(Array.from({ length: PEOPLE }, () => newUser()))
  const rounds = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { maxLength: 12 })
  let owned = 0
  await fc.assert(
    fc.asyncProperty(rounds, async (all) => {
      const fields = { ownerId: (people[0] as TestUser).id }
      const { clientId: id } = (await createClient(admin(), givenClient({ fields }))).record
      const ever = new Set<string>()
      let before = 0
      for (const steps of all) {
        await performSteps(steps, id, people)
        const { ownerId, furtherOwners, offers, version, formerOwners } = await findClient(
          admin(),
          id,
        )
        const owners = [ownerId, ...furtherOwners]
        for (const owner of owners) ever.add(owner)
        expect(ownerId).not.toBe('')
        expect(new Set(owners).size).toBe(owners.length)
        expect(furtherOwners.length + offers.length).toBeLessThanOrEqual(MAX_FURTHER_OWNERS)
        for (const { userId, offeredBy, declinedAt } of offers) {
          expect(owners).not.toContain(userId)
          if (declinedAt === null) expect(owners).toContain(offeredBy)
        }
        const gone = [...ever].filter((one) => !owners.includes(one))
        expect(formerOwners).toEqual(expect.arrayContaining(gone))
        expect(version).toBeGreaterThanOrEqual(before)
        before = version
        owned = Math.max(owned, owners.length)
      }
      await deleteClient(admin(), id)
      const left = ['client_owner', 'client_owner_offer', 'client_former_owner'].map((table) =>
        idsIn(`SELECT user_id FROM ${table} WHERE client_id = ?1`, id),
      )
      expect((await Promise.all(left)).flat()).toEqual([])
    }),
    { numRuns: 150 },
  )
  // Control: the acts had effects.
  expect(owned).toBeGreaterThan(2)
}, 300_000)
