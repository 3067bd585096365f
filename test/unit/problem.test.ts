/** Problem details (RFC 9457): the refusals of the management API and of the frame that it shares with the registry. */

import { describe, expect, it } from 'vitest'
import { OAuthError } from '../../src/protocol/errors.ts'
import { PROBLEM_TYPES, PROBLEMS, Problem, problemBody } from '../../src/protocol/problem.ts'

const ISSUER = 'https://auth.example.org'

describe('problem details', () => {
  it.each(PROBLEM_TYPES)('a problem %s states its type, title and status', (type) => {
    const problem = new Problem(type, 'A sentence.', { field: 'name', detail: 'for the log' })
    expect(problem.status).toBe(PROBLEMS[type].status)
    expect(problem.reason).toBe(type)
    expect(problemBody(problem, ISSUER, 'ABCDE12345')).toEqual({
      type: `${ISSUER}/docs#${type}`,
      ...PROBLEMS[type],
      detail: 'A sentence.',
      correlation_id: 'ABCDE12345',
      field: 'name',
    })
  })

  it.each([
    [400, 'invalid_request'],
    [405, 'method_not_allowed'],
    [408, 'timeout'],
    [413, 'too_large'],
    [415, 'unsupported_media_type'],
    [429, 'too_many_requests'],
    [503, 'unavailable'],
    [418, 'invalid_request'],
  ])('a refusal of the shared frame with status %i is of type %s', (status, type) => {
    const refused = new OAuthError('invalid_request', 'A sentence.', { status })
    expect(problemBody(refused, ISSUER, null)).toEqual({
      type: `${ISSUER}/docs#${type}`,
      title: PROBLEMS[type as keyof typeof PROBLEMS].title,
      status,
      detail: 'A sentence.',
    })
  })

  it('a refusal that a caller may repeat later has the error code temporarily_unavailable', () => {
    expect(new Problem('unavailable', 'Later.').code).toBe('temporarily_unavailable')
    expect(new Problem('too_many_requests', 'Later.').code).toBe('temporarily_unavailable')
    expect(new Problem('forbidden', 'No.').code).toBe('access_denied')
    expect(new Problem('stale', 'No.').code).toBe('invalid_request')
  })
})
