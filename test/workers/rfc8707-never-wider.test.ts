/** No sequence of requests yields an audience or a scope that the user did not see and allow. */

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { runs } from '../sample.ts'
import { newRefreshingClient, renewalOf } from './obtaining.ts'
import {
  allowing,
  authorizePath,
  codeIn,
  newUser,
  PKCE,
  post,
  redemptionOf,
  registry,
  requestOf,
  sessionOf,
  signIn,
  type TestClient,
  withChallenge,
} from './registry.ts'
import { newResource } from './resources.ts'

const RUNS = runs(10, 50)
const SCOPES = ['files:read', 'files:write', 'mail:read', 'shared:read']

let uris: readonly string[]
let cookie: string
beforeAll(async () => {
  uris = [
    await newResource(['files:read', 'files:write', 'shared:read']),
    await newResource(['mail:read', 'shared:read']),
    await newResource(['calendar:read']),
    'https://unknown.example',
  ]
  cookie = await signIn(await newUser({ scopes: SCOPES }))
})

/** What the user saw and allowed on pages: resources of a page, and the scopes ticked on it. */
type Seen = readonly Readonly<{ resources: readonly string[]; scopes: readonly string[] }>[]
type Step =
  | Readonly<{ kind: 'authorize'; resources: number[]; scopes: string[]; unticked: string[] }>
  | Readonly<{ kind: 'redeem' | 'refresh' | 'retry'; resources: number[]; scopes: string[] }>

const subset = <T>(of: readonly T[]) => fc.subarray([...of])
const resources = subset([0, 1, 2, 3])
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('authorize' as const),
    resources,
    scopes: subset(SCOPES),
    unticked: subset(SCOPES),
  }),
  fc.record({
    kind: fc.constantFrom('redeem' as const, 'refresh' as const, 'retry' as const),
    resources,
    scopes: subset(SCOPES),
  }),
)

const paired = (fields: Record<string, string>, { resources: named, scopes }: Step) =>
  [
    ...Object.entries(fields),
    ...(scopes.length > 0 ? [['scope', scopes.join(' ')]] : []),
    ...named.map((index) => ['resource', uris[index] ?? '']),
  ] as [string, string][]

/** Runs the steps as one client, checks each token against what the user saw, and returns whether one was issued. */
async function run(client: TestClient, steps: readonly Step[]) {
  const seen: { resources: string[]; scopes: string[] }[] = []
  let code = ''
  let refresh = ''
  let spent = ''
  let isGranted = false
  for (const one of steps) {
    if (one.kind === 'authorize') {
      const { scope: _, ...request } = requestOf(client, withChallenge)
      const response = await registry(authorizePath(paired(request, one)), {
        headers: { Cookie: cookie },
      })
      if (response.status === 303) {
        code = codeIn(response) || code
        continue
      }
      const page = await response.text()
      const fields = allowing(page).filter(
        ([name, value]) => name !== 'grant' || !one.unticked.includes(value),
      )
      const ticked = fields.flatMap(([name, value]) => (name === 'grant' ? [value] : []))
      // A scope that was allowed before is shown without a box.
      const shown = SCOPES.filter((scope) => page.includes(`<code>${scope}</code>`))
      const boxes = allowing(page).flatMap(([name, value]) => (name === 'grant' ? [value] : []))
      const allowed = shown.filter((scope) => !boxes.includes(scope))
      seen.push({
        resources: uris.filter((uri) => page.includes(`<code>${uri}</code>`)),
        scopes: [...allowed, ...ticked],
      })
      code = codeIn(await post('/authorize', fields, { Cookie: cookie })) || code
      continue
    }
    const fields =
      one.kind === 'redeem'
        ? redemptionOf(client, code, { code_verifier: PKCE.verifier })
        : renewalOf(client, one.kind === 'retry' ? spent : refresh)
    const response = await post('/token', paired(fields, one))
    expect(response.status).toBeLessThan(500)
    if (response.status !== 200) continue
    const body = (await response.json()) as { access_token: string; refresh_token: string }
    if (one.kind !== 'retry') spent = one.kind === 'refresh' ? refresh : ''
    refresh = body.refresh_token
    const session = await sessionOf(body.access_token)
    if (!session) throw new Error('no session of a token just issued')
    isGranted = true
    expectSeen(seen, session.audience, session.authorizations.scopes)
    const named = one.resources.map((index) => uris[index])
    for (const uri of session.audience) if (named.length > 0) expect(named).toContain(uri)
    if (named.length > 0) expect(session.audience).not.toEqual([])
  }
  return isGranted
}

/** One page that the user allowed showed the whole audience and all scopes. */
function expectSeen(seen: Seen, audience: readonly string[], scopes: readonly string[]) {
  const isCovered = seen.some(
    (page) =>
      audience.every((uri) => page.resources.includes(uri)) &&
      (audience.length > 0 || page.resources.length === 0) &&
      scopes.every((scope) => page.scopes.includes(scope)),
  )
  expect([isCovered, audience, scopes, seen]).toEqual([true, audience, scopes, seen])
}

describe('a grant', () => {
  it('no sequence of requests yields an audience or a scope that the user did not see', async () => {
    let granted = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 9 }), async (steps) => {
        const client = await newRefreshingClient({ scopes: SCOPES })
        const first: Step = { kind: 'authorize', resources: [0, 1], scopes: [], unticked: [] }
        const last: Step = { kind: 'redeem', resources: [], scopes: [] }
        if (await run(client, [first, ...steps, last])) granted += 1
      }),
      { numRuns: RUNS },
    )
    // Control: enough sequences got a token.
    expect(granted).toBeGreaterThan(RUNS / 5)
  })

  it('control: expectSeen fails for an audience and for a scope that no page showed', () => {
    const seen = [{ resources: ['a'], scopes: ['x'] }]
    expect(() => expectSeen(seen, ['a'], ['x'])).not.toThrow()
    expect(() => expectSeen(seen, ['b'], ['x'])).toThrow()
    expect(() => expectSeen(seen, ['a'], ['y'])).toThrow()
    expect(() => expectSeen(seen, [], ['x'])).toThrow()
  })
})
