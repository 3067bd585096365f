/** The shape of a session record: its fields and their forms. */

import { describe, expect, it } from 'vitest'
import { readSession } from '../../src/domain/session-shape.ts'

const RECORD = {
  session_id: 'session-1',
  start_time: '2026-01-01T00:00:00.000Z',
  end_time: '2026-01-01T02:00:00+00:00',
  user: { user_id: 'user-1', username: 'ada', email: '' },
  client: {
    client_id: 'client-1',
    owner_id: 'owner-1',
    name: 'A client',
    url: '',
    description: '',
    redirect_uri: '',
  },
  authorizations: { classic: 0, scopes: ['submission:read'], endorsements: ['cs.*', 'hep-th'] },
  ip_address: '192.0.2.1',
  remote_host: '',
  nonce: '',
}

/** The record as it is read. */
const READ = { ...RECORD, audience: ['https://files.example'] }

type Path = readonly string[]

/** The paths to all fields of an object. */
const pathsOf = (value: unknown, at: Path = []): Path[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).flatMap(([key, inner]) => [
        [...at, key],
        ...pathsOf(inner, [...at, key]),
      ])
    : []

function changed(path: Path, value: unknown) {
  const copy = structuredClone(RECORD) as Record<string, unknown>
  const [last = '', ...before] = [...path].reverse()
  let holder = copy
  for (const key of before.reverse()) holder = holder[key] as Record<string, unknown>
  if (value === undefined) delete holder[last]
  else holder[last] = value
  return copy
}

describe('session records', () => {
  it('a session record is read unchanged, except that unknown members are dropped', () => {
    expect(readSession(READ)).toEqual(READ)
    const more = { ...READ, admin: true, user: { ...RECORD.user, admin: true } }
    expect(readSession(more)).toEqual(READ)
  })

  it('a session record without an audience is for no resource', () => {
    expect(readSession(RECORD)).toEqual({ ...RECORD, audience: [] })
  })

  it('a session record may lack a user or a client, and may have a bound key or the time of an older client record', () => {
    for (const change of [
      { user: null },
      { client: null },
      { cnf: { jkt: 'thumbprint' } },
      { audience: [] },
      { client_as_of: '2025-12-31T23:59:50.000Z' },
    ]) {
      expect(readSession({ ...READ, ...change })).toEqual({ ...READ, ...change })
    }
  })

  it.each(pathsOf(RECORD))('a session record without %s %s is refused', (...path: string[]) => {
    expect(readSession(changed(path, undefined))).toBeNull()
    expect(readSession(changed(path, true))).toBeNull()
    expect(readSession(changed(path, { 0: 'a' }))).toBeNull()
  })

  it.each<[path: Path, value: unknown]>([
    [['session_id'], ''],
    [['start_time'], '2026-01-01T00:00:00'],
    [['end_time'], '2026-13-01T00:00:00Z'],
    [['end_time'], 'tomorrow'],
    [['user', 'user_id'], ''],
    [['client', 'client_id'], ''],
    [['authorizations', 'classic'], Number.NaN],
    [['authorizations', 'scopes'], ['submission:read submission:create']],
    [
      ['authorizations', 'scopes'],
      ['submission:read', 7],
    ],
    [['authorizations', 'scopes'], 'submission:read'],
    [['authorizations', 'endorsements'], ['*']],
    [['audience'], null],
    [['audience'], 'https://files.example'],
    [['audience'], ['']],
    [['audience'], [7]],
    [['cnf'], null],
    [['cnf'], {}],
    [['cnf'], { jkt: '' }],
    [['cnf'], 'thumbprint'],
    [['client_as_of'], null],
    [['client_as_of'], '2025-12-31'],
  ])('a session record whose %j is %j is refused', (path, value) => {
    expect(readSession(changed(path, value))).toBeNull()
  })

  it.each([null, undefined, 7, 'session', [], [RECORD]])(
    'the value %j is not a session record',
    (value) => {
      expect(readSession(value)).toBeNull()
    },
  )
})
