/** The checks that every refusal of the authenticator must pass. */

import { expect } from 'vitest'

/** A refusal has no JWT, no status header and no cacheable response. */
export async function expectRefusal(answer: Response, status: number, error?: string) {
  expect(answer.status).toBe(status)
  expect(answer.headers.get('Authorization')).toBeNull()
  expect(answer.headers.get('X-Auth-Status')).toBeNull()
  expect(answer.headers.get('Cache-Control')).toBe('no-store')
  const body: Record<string, unknown> = await answer.json()
  expect(body).toEqual({
    error: error ?? expect.any(String),
    error_description: body.reason,
    reason: expect.any(String),
  })
  const challenge = answer.headers.get('WWW-Authenticate')
  if (status === 503) {
    expect(challenge).toBeNull()
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0)
  } else {
    expect(challenge).toMatch(/^Bearer .*realm="registry"$/)
    expect(challenge?.includes('error=')).toBe(error !== undefined)
    if (error) expect(challenge).toContain(`error="${error}"`)
  }
}
