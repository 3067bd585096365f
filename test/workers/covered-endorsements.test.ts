/** An endorsement that another one covers says nothing more: no list that is kept, issued or shown holds both. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { meetEndorsements, withoutCovered } from '../../src/domain/category.ts'
import { readSession } from '../../src/domain/session-shape.ts'
import { findClientRecord } from '../../src/stores/client-record.ts'
import { clientRegistry } from '../../src/stores/client-registry.ts'
import { userRegistry } from '../../src/stores/user-registry.ts'
import { newRefreshingClient, userTokens } from './obtaining.ts'
import {
  credentialsOf,
  newClient,
  newUser,
  nowSeconds,
  post,
  sessionOf,
  tokenIn,
} from './registry.ts'
import { browserRecord } from './stored-session.ts'

const registry = clientRegistry(env.DB)
const keptOf = async (clientId: string) => (await findClientRecord(env.DB, clientId))?.endorsements

/** What is given, and what is left of it. */
const CASES: [string[], string[]][] = [
  [['cs.DL', 'cs.DL'], ['cs.DL']],
  [['math.*', 'math.AG'], ['math.*']],
  [['*.*', 'cs.*', 'cs.DL', 'hep-th'], ['*.*']],
  [['hep-th', 'hep-th.*'], ['hep-th.*']],
  [
    ['astro-ph.CO', 'cs.DL', 'csx.*', 'hep-th', 'hep-th-x.*', 'q-bio.*'],
    ['astro-ph.CO', 'cs.DL', 'csx.*', 'hep-th', 'hep-th-x.*', 'q-bio.*'],
  ],
]

describe('an endorsement that another one covers', () => {
  it.each(CASES)(
    'is dropped from %j, which leaves %j, as in the rule so in SQL',
    async (given, left) => {
      expect(withoutCovered(given).sort()).toEqual(left)
      const endorsements = [...new Set(given)]
      const client = await newClient({ endorsements })
      expect(await keptOf(client.id)).toEqual(left)
      const user = await newUser({ endorsements })
      expect((await userRegistry(env.DB).find(user.id))?.endorsements).toEqual(left)
      const { access_token } = await tokenIn(await post('/token', credentialsOf(client)))
      expect((await sessionOf(access_token))?.authorizations.endorsements).toEqual(left)
    },
  )

  it('is dropped when more is authorized, requested or put in its place, and does not come back', async () => {
    const { id } = await newClient({ endorsements: ['math.AG', 'cs.DL'] })
    await registry.authorize(id, { endorsements: ['math.*'] }, nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.DL', 'math.*'])
    await registry.authorize(id, { endorsements: ['math.NT'] }, nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.DL', 'math.*'])
    await registry.withdraw(id, { endorsements: ['math.*'] }, nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.DL'])
    await registry.update(id, {}, { endorsements: ['cs.*', 'cs.LO'] }, 'authorize', nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.*'])
  })

  it('stays authorized beside a wider one that is merely requested', async () => {
    const { id } = await newClient({ endorsements: ['cs.DL'] })
    const wishes = ['cs.*', 'cs.LO']
    await registry.update(id, {}, { endorsements: wishes }, 'request', nowSeconds())
    const { permissions = [] } = (await findClientRecord(env.DB, id)) ?? {}
    const values = permissions.filter(({ kind }) => kind === 'endorsement').map((p) => p.value)
    expect(values.sort()).toEqual(['cs.*', 'cs.DL'])
    expect(await keptOf(id)).toEqual(['cs.DL'])
  })

  it('is not in what a client and a user have in common', async () => {
    expect(meetEndorsements(['*.*'], ['math.*', 'cs.DL', 'math.AG'])).toEqual(['cs.DL', 'math.*'])
    expect(meetEndorsements(['cs.*', 'cs.DL'], ['cs.*', 'cs.DL'])).toEqual(['cs.*'])
    const client = await newRefreshingClient({ endorsements: ['cs.DL', 'math.*', 'math.AG'] })
    const user = await newUser({ endorsements: ['*.*', 'cs.*'] })
    const { access } = await userTokens(client, user)
    expect((await sessionOf(access))?.authorizations.endorsements).toEqual(['cs.DL', 'math.*'])
  })

  it('is left out of a record that an accounts service wrote', () => {
    const record = browserRecord()
    const endorsements = ['math.AG', 'math.*']
    const read = readSession({
      ...record,
      authorizations: { ...record.authorizations, endorsements },
    })
    expect(read?.authorizations.endorsements).toEqual(['math.*'])
  })
})
