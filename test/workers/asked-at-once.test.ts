/** Independent reads run in parallel: storage answers one read only after another has begun. */

import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bindings, compose } from '../../src/compose.ts'
import { IS_REVOKED, MARK_SHOWN } from '../../src/stores/revocations.ts'
import { machineToken, sendAs } from './obtaining.ts'
import {
  authorizePath,
  type Fetch,
  ISSUER,
  newClient,
  newUser,
  requestOf,
  serve,
  sessionOf,
  signIn,
  type TestClient,
} from './registry.ts'

type Answer = (statement: D1PreparedStatement) => Promise<unknown>

function answering(statement: D1PreparedStatement, answer: Answer): D1PreparedStatement {
  return new Proxy(statement, {
    get: (target, property) =>
      property === 'bind'
        ? (...values: unknown[]) => answering(target.bind(...values), answer)
        : () => answer(target),
  })
}

/** D1 with another answer to one statement, and a callback for the start of a batch. */
const databaseWith = (sql: string, answer: Answer, batchBegins: () => void) =>
  new Proxy(env.DB, {
    get(db, property) {
      if (property === 'prepare') {
        return (asked: string) =>
          asked === sql ? answering(db.prepare(asked), answer) : db.prepare(asked)
      }
      if (property === 'batch') {
        return (statements: D1PreparedStatement[]) => {
          batchBegins()
          return db.batch(statements)
        }
      }
      const value: unknown = Reflect.get(db, property, db)
      return typeof value === 'function' ? value.bind(db) : value
    },
  })

let client: TestClient
let cookie: string
beforeAll(async () => {
  client = await newClient()
  cookie = await signIn(await newUser())
})

describe('the pages of a user', () => {
  it.each([
    ['the consent page', () => authorizePath(requestOf(client))],
    ['/account', () => '/account'],
  ])('%s reads its data while the read of the revocation is still running', async (_, path) => {
    const read = Promise.withResolvers<void>()
    const held: Answer = (statement) => read.promise.then(() => statement.first())
    const fetch = serve({ DB: databaseWith(IS_REVOKED, held, () => read.resolve()) })
    expect((await fetch(path(), { headers: { Cookie: cookie } })).status).toBe(200)
  })

  it.each([
    ['/authorize', () => authorizePath(requestOf(client))],
    ['/account', () => '/account'],
  ])(
    '%s redirects a revoked session to sign-in even when its other reads fail',
    async (_, path) => {
      const revoked: Answer = async () => ({ revoked: 1 })
      const fail = () => {
        throw new Error('storage is out of reach')
      }
      const answer = async (isRevoked: Answer) => {
        const fetch = serve({ DB: databaseWith(IS_REVOKED, isRevoked, fail) })
        const response = await fetch(path(), { headers: { Cookie: cookie } })
        return [response.status, response.headers.get('Location')?.split('?')[0]]
      }
      expect(await answer(revoked)).toEqual([303, '/login'])
      expect(await answer(async () => null)).toEqual([503, undefined])
    },
  )
})

it('POST /revoke answers before D1 has recorded that KV shows the revocation', async () => {
  const answered = Promise.withResolvers<void>()
  let isMarked = false
  const held: Answer = async (statement) => {
    await answered.promise
    const result = await statement.run()
    isMarked = true
    return result
  }
  const DB = databaseWith(MARK_SHOWN, held, () => {})
  const service = compose({ ...env, ISSUER, DB } as unknown as Bindings)
  const context = createExecutionContext()
  const fetch: Fetch = async (path, init) =>
    service.fetch(new Request(new URL(path, ISSUER), init), env, context)
  const token = await machineToken(client)
  expect((await sendAs(client, '/revoke', { token }, fetch)).status).toBe(200)
  expect(await sessionOf(token)).toBeNull()
  answered.resolve()
  await waitOnExecutionContext(context)
  expect(isMarked).toBe(true)
})
