/** Flows of owners in the portal, for the tests on a hostile platform. */

import { expect } from 'vitest'
import { findClient } from '../../src/flows/registration/clients.ts'
import { formsOf } from '../node/forms.ts'
import { approvalPath, newApprover, newWaitingClient } from './approving.ts'
import { type Answer, type Flow, fixtures, read, type Service } from './hostile-story.ts'
import { asserting, assertionOf, type Key, keySetOf, newKey } from './keys.ts'
import { CLIENT, filled, isForAct, newOwner, ownerWith, referencesIn, register } from './portal.ts'
import { admin } from './registering.ts'
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

/** A response that was lost left everything or nothing: the form that is sent again does it, or finds it done. */
const registration: Flow = {
  name: 'POST /new-client',
  format: 'page',
  expected: '200 Your new client',
  whileNotShown: '401 You are signed out',
  async begin() {
    const owner = await newOwner()
    const machine = { ...CLIENT, kind: 'machine', redirect_uris: '' }
    const fields = filled(await owner.form('/new-client'), machine)
    const ask = ({ fetch }: Service) =>
      ownerWith(owner.user, owner.cookie, fetch).send('/new-client', fields)
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const retried = answer.status === 200 ? answer : await read(await ask(again))
        await afterRetry()
        expect([200, 303]).toContain(retried.status)
        expect(await ownClients(owner.cookie)).toHaveLength(1)
        if (retried.status === 200) expect(await tokenStatus(keysIn(retried))).toBe(200)
        else expect(retried.headers.get('Location')).toMatch(/done=known$/)
      },
    }
  },
}

const rotation: Flow = {
  name: 'POST /clients/{id}/secrets',
  format: 'page',
  expected: '200 A new secret',
  whileNotShown: '401 You are signed out',
  async begin() {
    const { keys, send } = await prepared('secrets', { overlap: '0' })
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        const retried = answer.status === 200 ? answer : await read(await send(again.fetch))
        await afterRetry()
        // Changed by the first attempt, whose secret nobody saw.
        expect([200, 409]).toContain(retried.status)
        if (retried.status === 200) expect(await tokenStatus(keysIn(retried))).toBe(200)
        expect(await tokenStatus(keys)).toBe(401)
      },
    }
  },
}

/** The keys of a client change as a whole: one set or the other is accepted, never both or none. */
const keyChange: Flow = {
  name: 'POST /clients/{id}/keys',
  format: 'page',
  expected: '303 /clients/{id}',
  whileNotShown: '401 You are signed out',
  async begin() {
    const [before, after] = [await newKey(), await newKey()]
    const jwks = keySetOf(after.jwk)
    const { keys, send } = await prepared('keys', { jwks }, { jwks: keySetOf(before.jwk) })
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        // Changed by the first attempt, whose answer was lost.
        if (answer.status !== 303) expect([303, 409]).toContain((await send(again.fetch)).status)
        await afterRetry()
        expect([await signedStatus(keys.id, before), await signedStatus(keys.id, after)]).toEqual([
          401, 200,
        ])
      },
    }
  },
}

const secretInPlaceOfKeys: Flow = {
  name: 'POST /clients/{id}/secrets, in place of keys',
  format: 'page',
  expected: '200 A new secret',
  whileNotShown: '401 You are signed out',
  async begin() {
    const key = await newKey()
    const given = { act: 'use_secret', jwks: keySetOf(key.jwk) }
    const { keys, send } = await prepared('secrets', {}, given)
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        const retried = answer.status === 200 ? answer : await read(await send(again.fetch))
        await afterRetry()
        expect([200, 409]).toContain(retried.status)
        if (retried.status === 200) expect(await tokenStatus(keysIn(retried))).toBe(200)
        expect(await signedStatus(keys.id, key)).toBe(401)
      },
    }
  },
}

/** A check that failed left everything as it was: the request that was checked still works. */
const checking: Flow = {
  name: 'POST /clients/{id}/check',
  format: 'page',
  expected: '200 Check a request',
  whileNotShown: '401 You are signed out',
  async begin() {
    const owner = await newOwner()
    const keys = await register(owner, { kind: 'machine', redirect_uris: '' })
    const path = `/clients/${keys.id}/check`
    const request = new URLSearchParams(credentialsOf(keys)).toString()
    const fields = filled(await owner.form(path), { request })
    const send = (fetch: Fetch) => ownerWith(owner.user, owner.cookie, fetch).send(path, fields)
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        const retried = answer.status === 200 ? answer : await read(await send(again.fetch))
        await afterRetry()
        expect([retried.status, retried.text]).toEqual([
          200,
          expect.stringContaining('Every check passes.'),
        ])
        expect(await tokenStatus(keys)).toBe(200)
      },
    }
  },
}

const leaving: Flow = {
  name: 'POST /clients/{id}/leave',
  format: 'page',
  expected: '303 /clients',
  whileNotShown: '401 You are signed out',
  async begin() {
    const [owner, next] = [await newOwner(), await newOwner()]
    const { id } = await register(owner)
    await owner.submit(`/clients/${id}/owners`, { owner: next.user.username }, 'add')
    const path = `/clients/${id}/leave`
    const fields = await owner.form(path)
    const send = (fetch: Fetch) => ownerWith(owner.user, owner.cookie, fetch).send(path, fields)
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 303) expect([303, 404]).toContain((await send(again.fetch)).status)
        await afterRetry()
        expect([await ownClients(owner.cookie), await ownClients(next.cookie)]).toEqual([[], [id]])
      },
    }
  },
}

const deletion: Flow = {
  name: 'POST /clients/{id}/delete',
  format: 'page',
  expected: '303 /clients',
  whileNotShown: '401 You are signed out',
  async begin() {
    const { owner, keys, send } = await prepared('delete')
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 303) expect([303, 404]).toContain((await send(again.fetch)).status)
        await afterRetry()
        expect(await ownClients(owner.cookie)).toEqual([])
        expect(await tokenStatus(keys)).toBe(401)
      },
    }
  },
}

const shownPage: Flow = {
  name: 'GET /clients',
  format: 'page',
  expected: '200 Your clients',
  whileNotShown: NO_SESSION,
  async begin() {
    const cookie = await signIn(fixtures.user)
    const ask = ({ fetch }: Service) => fetch('/clients', { headers: { Cookie: cookie } })
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const page = answer.status === 200 ? answer : await read(await ask(again))
        await afterRetry()
        expect([page.status, page.text]).toEqual([200, expect.stringContaining('Your clients')])
      },
    }
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
  return { send, scope, recordOf: () => findClient(admin(), client.clientId) }
}

/** A response that was lost left everything or nothing: the form that is sent again decides, or finds it decided. */
const deciding = (act: 'approve' | 'decline'): Flow => ({
  name: `POST /approvals/{id}, ${act}`,
  format: 'page',
  expected: '303 /approvals',
  whileNotShown: '401 You are signed out',
  async begin() {
    const { send, scope, recordOf } = await undecided(act)
    return {
      ask: ({ fetch }) => send(fetch),
      async check({ answer, again, afterRetry }) {
        if (answer.status !== 303) {
          const retried = await read(await send(again.fetch))
          expect([303, 409]).toContain(retried.status)
          if (retried.status === 409) expect(retried.text).toMatch(/You (approved|declined)</)
        }
        await afterRetry()
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
  },
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
    return {
      ask,
      async check({ answer, again, afterRetry }) {
        const page = answer.status === 200 ? answer : await read(await ask(again))
        await afterRetry()
        expect(page.status).toBe(200)
        expect((await findClient(admin(), clientId)).scopes).toEqual([])
      },
    }
  },
}

export const portalFlows: readonly Flow[] = [
  ...[
    shownPage,
    registration,
    rotation,
    checking,
    keyChange,
    secretInPlaceOfKeys,
    leaving,
    deletion,
    queue,
    deciding('approve'),
    deciding('decline'),
  ],
]
