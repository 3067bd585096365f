/**
 * Random input of owners in the portal: no form and no address causes a fault, shows markup of the caller, changes a
 * client of others, or gives an owner's client what was not approved.
 */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClient } from '../../src/flows/registration/clients.ts'
import { PORTAL_PAGES } from '../../src/management/portal/portal-pages.ts'
import { formsOf } from '../node/forms.ts'
import { answerTo, checkPage, tracesOfTests } from './any-answer.ts'
import { type AnyPairs, anyGet, anyPost, type NearlyValid } from './any-request.ts'
import { approvalPath, newApprover, newWaitingClient } from './approving.ts'
import { keySetOf, newKey } from './keys.ts'
import { exceededFor } from './limits.ts'
import {
  CLIENT,
  filled,
  minted,
  newOwner,
  type Owner,
  offer,
  register,
  registerShared,
} from './portal.ts'
import { admin, givenClient } from './registering.ts'
import { serve } from './registry.ts'

const RUNS = 300
const TIMEOUT_MS = 300_000
const service = serve({
  STORAGE_TIMEOUT_SECONDS: 30,
  CLIENTS_PER_USER: '1000',
  DIRECTORY: 'on',
  LOGIN_LIMIT: exceededFor(),
  REFUSAL_LIMIT: exceededFor((key) => key.startsWith('recorded')),
})
const PATHS = PORTAL_PAGES.map(({ path }) => path).filter((path) => path !== '/portal.css')
/** The paths at which owners have forms. */
const WITH_FORMS = PATHS.filter(
  (path) =>
    !['/clients/:client_id', '/clients/:client_id/history'].includes(path) &&
    !path.startsWith('/approvals'),
)

const CHANGES: Readonly<Record<string, Record<string, string | string[]>>> = {
  '/clients': { act: 'accept' },
  '/new-client': CLIENT,
  '/clients/:client_id/edit': CLIENT,
  '/clients/:client_id/secrets': { overlap: '3600' },
  '/clients/:client_id/permissions': {
    ...{ other_scopes: 'a:b', endorsements: 'cs.DL', grant_types: 'client_credentials' },
    take: 'grant_type refresh_token',
  },
  '/clients/:client_id/keys': { jwks: keySetOf((await newKey()).jwk) },
  '/clients/:client_id/owners': { owner: 'nobody' },
  '/clients/:client_id/check': {
    request: "curl http://127.0.0.1:8787/token -u a:b -d 'grant_type=x'",
  },
}

const traces = tracesOfTests()

const headersOf = (owner: Owner): AnyPairs => [
  ['CF-Connecting-IP', '192.0.2.1'],
  ['Cookie', owner.cookie],
]

/**
 * A new client, from whose pages the requests of one test are made; a client of another owner; and a client that a
 * third owner has offered.
 */
async function prepare() {
  const [owner, other] = [await newOwner(service), await newOwner(service)]
  const [own, theirs] = [
    await registerShared(owner),
    await register(other, { name: 'Secret project' }),
  ]
  const third = await newOwner(service)
  await offer(third, (await register(third)).id, owner.user.username)
  return { owner, own: own.id, theirs: theirs.id }
}

const rowOf = (id: string) =>
  env.DB.prepare('SELECT * FROM client WHERE client_id = ?1').bind(id).first()

/** What is authorized, to show that nothing was authorized without approval. */
const authorizedOf = async (id: string) => {
  const rows = await env.DB.prepare(
    `SELECT scope AS value FROM client_authorization WHERE client_id = ?1 AND authorized_at IS NOT NULL AND self_registered = 0
     UNION ALL SELECT grant_type FROM client_grant_type WHERE client_id = ?1 AND authorized_at IS NOT NULL
     UNION ALL SELECT category FROM client_endorsement WHERE client_id = ?1 AND authorized_at IS NOT NULL`,
  )
    .bind(id)
    .all<{ value: string }>()
  return rows.results.map(({ value }) => value).sort()
}

describe('random input in the portal', { timeout: TIMEOUT_MS }, () => {
  it.each(WITH_FORMS)(
    'no random form of %s causes a fault, changes a client of others or authorizes anything',
    async (path) => {
      const { owner, own, theirs } = await prepare()
      const at = path.replace(':client_id', own)
      const forms = formsOf(await owner.page(at), at)
      const bases: NearlyValid[] = forms.map((fields) => ({
        pairs: filled(fields, CHANGES[path] ?? {}),
        headers: headersOf(owner),
      }))
      const [before, authorized] = [await rowOf(theirs), await authorizedOf(own)]
      await fc.assert(
        fc.asyncProperty(anyPost(at, bases), async (request) => {
          const answer = await answerTo(request, service, traces)
          checkPage(request, answer)
          expect(answer.text).not.toContain('Secret project')
        }),
        { numRuns: RUNS, interruptAfterTimeLimit: TIMEOUT_MS - 20_000 },
      )
      expect(await rowOf(theirs)).toEqual(before)
      for (const value of await authorizedOf(own)) expect(authorized).toContain(value)
    },
  )

  it.each(PATHS)(
    'no random query of %s causes a fault or shows markup of the caller',
    async (path) => {
      const { owner, own } = await prepare()
      const bases = [
        {
          pairs: [
            ['page', '2'],
            ['done', 'saved'],
          ] as AnyPairs,
          headers: headersOf(owner),
        },
      ]
      await fc.assert(
        fc.asyncProperty(anyGet(path.replace(':client_id', own), bases), async (request) => {
          checkPage(request, await answerTo(request, service, traces))
        }),
        { numRuns: RUNS / 3 },
      )
    },
  )

  it('no random id in a URL causes a fault or finds a client of others', async () => {
    const { owner, theirs } = await prepare()
    const id = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(theirs, '%00', '%ff', '..'))
    await fc.assert(
      fc.asyncProperty(id, fc.constantFrom(...PATHS), async (one, path) => {
        const segment = one === '%ff' ? one : encodeURIComponent(one.toWellFormed())
        const at = path.replace(':client_id', segment)
        const request = { method: 'GET', path: at, headers: headersOf(owner), body: null }
        const answer = await answerTo(request, service, traces)
        if (path.includes(':client_id')) expect(answer.text).not.toContain('Secret project')
      }),
      { numRuns: RUNS },
    )
  })

  it('no random form of an approver causes a fault, gives what is not requested, or gives anything to a client of the approver', async () => {
    const approver = await newApprover(['registry:approve'], service)
    const { record: own } = await createClient(
      admin(),
      givenClient({ mode: 'request', fields: { ownerId: approver.user.id } }),
    )
    const lists = { scopes: ['a:b', 'a:*', 'c:d:1'], endorsements: ['cs.*', '*.*'] }
    const asking = await newWaitingClient({ lists })
    const at = approvalPath(asking.clientId)
    const [fields = []] = formsOf(await approver.page(at), at)
    const headers = headersOf(approver)
    const bases: NearlyValid[] = [
      ...['approve', 'decline'].map((act) => ({
        pairs: filled(fields, {
          act,
          reason: 'No.',
          decide: ['scope a:b', 'scope registry:admin'],
        }),
        headers,
      })),
      { pairs: [...(await minted(approver, 'decide', asking.clientId, asking.version))], headers },
    ]
    const forged = await minted(approver, 'decide', own.clientId, own.version)
    const ownBase = [
      { pairs: [...forged, ['act', 'approve'], ['decide', 'scope a:b']] as AnyPairs, headers },
    ]
    const anyDecision = fc.oneof(anyPost(at, bases), anyPost(approvalPath(own.clientId), ownBase))
    await fc.assert(
      fc.asyncProperty(anyDecision, async (request) => {
        checkPage(request, await answerTo(request, service, traces))
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: TIMEOUT_MS - 20_000 },
    )
    expect(await authorizedOf(own.clientId)).toEqual([])
    const given = [...lists.scopes, ...lists.endorsements, 'client_credentials']
    for (const value of await authorizedOf(asking.clientId)) expect(given).toContain(value)
  })
})
