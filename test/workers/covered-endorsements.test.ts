/** An endorsement that another one covers is redundant: no stored, issued or shown list has both. */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { meetEndorsements, withoutCovered } from '../../src/domain/category.ts'
import { readSession } from '../../src/domain/session-shape.ts'
import { clientReader } from '../../src/stores/client-registry.ts'
import { clientRegistry, userRegistry } from '../rows.ts'
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
const keptOf = async (clientId: string) => (await clientReader(env.DB).find(clientId))?.endorsements

/** Endorsements, and those that remain. */
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

describe('endorsements that another one covers', () => {
  it.each(CASES)(
    'the endorsements %j are reduced to %j, in TypeScript and in SQL',
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

  it('an authorization or an update removes a covered endorsement, which does not come back', async () => {
    const { id } = await newClient({ endorsements: ['math.AG', 'cs.DL'] })
    await registry.authorize(id, { endorsements: ['math.*'] }, nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.DL', 'math.*'])
    await registry.authorize(id, { endorsements: ['math.NT'] }, nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.DL', 'math.*'])
    await registry.withdraw(id, { endorsements: ['math.*'] }, nowSeconds())
    expect(await keptOf(id)).toEqual(['cs.DL'])
    await registry.update(
      id,
      {},
      { endorsements: ['cs.*', 'cs.LO'] },
      { mode: 'authorize', now: nowSeconds() },
    )
    expect(await keptOf(id)).toEqual(['cs.*'])
  })

  it('an authorized endorsement is kept beside a wider one that is only requested', async () => {
    const { id } = await newClient({ endorsements: ['cs.DL'] })
    const wishes = ['cs.*', 'cs.LO']
    await registry.update(id, {}, { endorsements: wishes }, { mode: 'request', now: nowSeconds() })
    const { permissions = [] } = (await clientReader(env.DB).find(id)) ?? {}
    const values = permissions.filter(({ kind }) => kind === 'endorsement').map((p) => p.value)
    expect(values.sort()).toEqual(['cs.*', 'cs.DL'])
    expect(await keptOf(id)).toEqual(['cs.DL'])
  })

  it('a covered endorsement is not in the intersection of a client and a user', async () => {
    expect(meetEndorsements(['*.*'], ['math.*', 'cs.DL', 'math.AG'])).toEqual(['cs.DL', 'math.*'])
    expect(meetEndorsements(['cs.*', 'cs.DL'], ['cs.*', 'cs.DL'])).toEqual(['cs.*'])
    const client = await newRefreshingClient({ endorsements: ['cs.DL', 'math.*', 'math.AG'] })
    const user = await newUser({ endorsements: ['*.*', 'cs.*'] })
    const { access } = await userTokens(client, user)
    expect((await sessionOf(access))?.authorizations.endorsements).toEqual(['cs.DL', 'math.*'])
  })

  it('a covered endorsement in a session record of an accounts service is dropped', () => {
    const record = browserRecord()
    const endorsements = ['math.AG', 'math.*']
    const read = readSession({
      ...record,
      authorizations: { ...record.authorizations, endorsements },
    })
    expect(read?.authorizations.endorsements).toEqual(['math.*'])
  })
})
