/** Flows of owners in the portal, for the tests on a hostile platform. */

import { expect } from 'vitest'
import { formsOf, type Pair } from '../node/forms.ts'
import { approvalPath, newApprover, newWaitingClient } from './approving.ts'
import { checkPage } from './hostile-browser-flows.ts'
import { type Answer, type Flow, fixtures, read, type Service } from './hostile-story.ts'
import { asserting, assertionOf, type Key, keySetOf, newKey } from './keys.ts'
import {
  CLIENT,
  filled,
  isForAct,
  newOwner,
  offer,
  offerForm,
  ownerWith,
  referencesIn,
  register,
  share,
} from './portal.ts'
import { recordOf } from './registering.ts'
import { credentialsOf, type Fetch, post, registry, serve, signIn } from './registry.ts'

const NO_SESSION = '303 /login'
const uncached = serve({ CLIENT_CACHE_SECONDS: '0' })

const tokenStatus = async (keys: { id: string; secret: string }) =>
  (await post('/token', credentialsOf(keys), {}, uncached)).status

const signedStatus = async (id: string, key: Key) => {
  const assertion = await assertionOf(id, key)
  const grant = { grant_type: 'client_credentials', ...asserting(assertion) }
  return (await post('/token', grant, {}, uncached)).status
}

const ownClients = async (cookie: string) => {
  const answer = await registry('/clients', { headers: { Cookie: cookie } })
  return [...(await answer.text()).matchAll(/<a href="\/clients\/([^"]+)" dir/g)].map(
    ([, id]) => id,
  )
}

const keysIn = ({ text }: Answer) => {
  const [id = '', secret = ''] = referencesIn(text)
  return { id, secret }
}

/** The machine client of a new owner, and the form of one of its pages as it was filled in. */
async function prepared(
  page: string,
  changed: Record<string, string> = {},
  { act, ...registered }: Readonly<{ act?: string; jwks?: string }> = {},
) {
  const owner = await newOwner()
  const keys = await register(owner, { kind: 'machine', redirect_uris: '', ...registered })
  const path = `/clients/${keys.id}/${page}`
  const forms = formsOf(await owner.page(path), path)
  const fields = filled(forms.find(isForAct(act)) ?? [], changed)
  const send = (fetch: Fetch) => ownerWith(owner.user, owner.cookie, fetch).send(path, fields)
  return { owner, keys, send }
}

type Posting = Readonly<{
  send: (fetch: Fetch) => Promise<Response>
  /** Called with the last response. */
  expectDone: (retried: Answer) => Promise<unknown>
}>

/**
 * A lost response changed everything or nothing: the repeated form makes the change, or answers `known` because the
 * change was already made.
 */
const posting = (
  path: string,
  expected: string,
  known: number,
  prepare: () => Promise<Posting>,
): Flow => ({
  name: `POST ${path}`,
  format: 'page',
  expected,
  whileNotShown: '403 You are signed out',
  async begin() {
    const { send, expectDone } = await prepare()
    const done = Number(expected.slice(0, 3))
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        const retried = answer.status === done ? answer : await read(await send(again.fetch))
        await afterRetry()
        expect([done, known]).toContain(retried.status)
        await expectDone(retried)
      },
    }
  },
})

const formFlows = [
  posting('/new-client', '200 Your new client', 303, async () => {
    const owner = await newOwner()
    const machine = { ...CLIENT, kind: 'machine', redirect_uris: '' }
    const fields = filled(await owner.form('/new-client'), machine)
    return {
      send: (fetch) => ownerWith(owner.user, owner.cookie, fetch).send('/new-client', fields),
      async expectDone(retried) {
        expect(await ownClients(owner.cookie)).toHaveLength(1)
        if (retried.status === 200) expect(await tokenStatus(keysIn(retried))).toBe(200)
        else expect(retried.headers.get('Location')).toMatch(/done=known$/)
      },
    }
  }),
  // The first attempt may have changed the client, and its secret was lost.
  posting('/clients/{id}/secrets', '200 A new secret', 409, async () => {
    const { keys, send } = await prepared('secrets', { overlap: '0' })
    return {
      send,
      async expectDone(retried) {
        if (retried.status === 200) expect(await tokenStatus(keysIn(retried))).toBe(200)
        expect(await tokenStatus(keys)).toBe(401)
      },
    }
  }),
  posting('/clients/{id}/secrets, in place of keys', '200 A new secret', 409, async () => {
    const key = await newKey()
    const given = { act: 'use_secret', jwks: keySetOf(key.jwk) }
    const { keys, send } = await prepared('secrets', {}, given)
    return {
      send,
      async expectDone(retried) {
        if (retried.status === 200) expect(await tokenStatus(keysIn(retried))).toBe(200)
        expect(await signedStatus(keys.id, key)).toBe(401)
      },
    }
  }),
  // The keys of a client change as a whole: one set or the other is accepted, never both or none.
  posting('/clients/{id}/keys', '303 /clients/{id}', 409, async () => {
    const [before, after] = [await newKey(), await newKey()]
    const jwks = keySetOf(after.jwk)
    const { keys, send } = await prepared('keys', { jwks }, { jwks: keySetOf(before.jwk) })
    return {
      send,
      async expectDone() {
        const statuses = [await signedStatus(keys.id, before), await signedStatus(keys.id, after)]
        expect(statuses).toEqual([401, 200])
      },
    }
  }),
  // A failed check changes nothing: the checked request still works.
  posting('/clients/{id}/check', '200 Check a request', 200, async () => {
    const owner = await newOwner()
    const keys = await register(owner, { kind: 'machine', redirect_uris: '' })
    const path = `/clients/${keys.id}/check`
    const request = new URLSearchParams(credentialsOf(keys)).toString()
    const fields = filled(await owner.form(path), { request })
    return {
      send: (fetch) => ownerWith(owner.user, owner.cookie, fetch).send(path, fields),
      async expectDone({ text }) {
        expect(text).toContain('Every check passes.')
        expect(await tokenStatus(keys)).toBe(200)
      },
    }
  }),
  posting('/clients/{id}/leave', '303 /clients', 404, async () => {
    const [owner, next] = [await newOwner(), await newOwner()]
    const { id } = await register(owner)
    await share(owner, id, next)
    const path = `/clients/${id}/leave`
    const fields = await owner.form(path)
    return {
      send: (fetch) => ownerWith(owner.user, owner.cookie, fetch).send(path, fields),
      async expectDone() {
        expect([await ownClients(owner.cookie), await ownClients(next.cookie)]).toEqual([[], [id]])
      },
    }
  }),
  posting('/clients/{id}/owners', '303 /clients/{id}', 409, async () => {
    const [owner, next] = [await newOwner(), await newOwner()]
    const { id } = await register(owner)
    const path = `/clients/${id}/owners`
    const fields = filled(await owner.form(path, 'offer_ownership'), { owner: next.user.username })
    return {
      send: (fetch) => ownerWith(owner.user, owner.cookie, fetch).send(path, fields),
      async expectDone() {
        expect(await offerForm(next, id)).not.toBe(null)
        expect(await ownClients(next.cookie)).toEqual([])
      },
    }
  }),
  ...(['accept', 'decline'] as const).map((act) =>
    // The first attempt may have declined the request, which cannot be declined again.
    posting(
      `/clients, ${act}`,
      act === 'accept' ? '303 /clients/{id}' : '303 /clients',
      409,
      async () => {
        const [owner, next] = [await newOwner(), await newOwner()]
        const { id } = await register(owner)
        await offer(owner, id, next.user.username)
        const fields: Pair[] = [...((await offerForm(next, id)) ?? []), ['act', act]]
        return {
          send: (fetch) => ownerWith(next.user, next.cookie, fetch).send('/clients', fields),
          async expectDone() {
            expect(await ownClients(next.cookie)).toEqual(act === 'accept' ? [id] : [])
            expect(await offerForm(next, id)).toBe(null)
            expect(await ownClients(owner.cookie)).toEqual([id])
          },
        }
      },
    ),
  ),
  posting('/clients/{id}/delete', '303 /clients', 404, async () => {
    const { owner, keys, send } = await prepared('delete')
    return {
      send,
      async expectDone() {
        expect(await ownClients(owner.cookie)).toEqual([])
        expect(await tokenStatus(keys)).toBe(401)
      },
    }
  }),
]

const shownPage: Flow = {
  name: 'GET /clients',
  format: 'page',
  expected: '200 Your clients',
  whileNotShown: NO_SESSION,
  async begin() {
    const cookie = await signIn(fixtures.user)
    const ask = ({ fetch }: Service) => fetch('/clients', { headers: { Cookie: cookie } })
    return { ask, check: checkPage(ask, () => 'Your clients') }
  },
}

/** Sends the form of an approver as it was filled in, for a new request of a new client. */
async function undecided(act: 'approve' | 'decline') {
  const scope = `${act}:${crypto.randomUUID().slice(0, 8)}`
  const client = await newWaitingClient({ lists: { scopes: [scope] } })
  const approver = await newApprover()
  const path = approvalPath(client.clientId)
  const fields = filled(await approver.form(path), { act, reason: 'Not now.' })
  const send = (fetch: Fetch) => ownerWith(approver.user, approver.cookie, fetch).send(path, fields)
  return { send, scope, recordOf: () => recordOf(client.clientId) }
}

const deciding = (act: 'approve' | 'decline') =>
  posting(`/approvals/{id}, ${act}`, '303 /approvals', 409, async () => {
    const { send, scope, recordOf } = await undecided(act)
    return {
      send,
      async expectDone(retried) {
        if (retried.status === 409) expect(retried.text).toMatch(/You (approved|declined)</)
        const { permissions, decisions, scopes } = await recordOf()
        const waits = permissions.filter(
          ({ kind, authorizedAt }) => kind === 'scope' && authorizedAt === null,
        )
        const decided = decisions.filter(({ value }) => value === scope)
        expect([scopes, waits, decided.length]).toEqual(
          act === 'approve' ? [[scope], [], 0] : [[], [], 1],
        )
      },
    }
  })

const queue: Flow = {
  name: 'GET /approvals',
  format: 'page',
  expected: '200 Approvals',
  whileNotShown: NO_SESSION,
  async begin() {
    const approver = await newApprover()
    const { clientId } = await newWaitingClient({ lists: { scopes: ['queued:one'] } })
    const ask = ({ fetch }: Service) =>
      fetch('/approvals', { headers: { Cookie: approver.cookie } })
    const check = checkPage(ask, () => 'Approvals')
    return {
      ask,
      async check(outcome) {
        await check(outcome)
        expect((await recordOf(clientId)).scopes).toEqual([])
      },
    }
  },
}

export const portalFlows: readonly Flow[] = [
  shownPage,
  ...formFlows,
  queue,
  deciding('approve'),
  deciding('decline'),
]
