/** Reads the vectors for a test, and checks responses. */

import { expect } from 'vitest'
import type { SessionRecord } from '../../src/domain/session.ts'
import audiences from './audiences.json' with { type: 'json' }
import credentials from './credentials.json' with { type: 'json' }
import endorsements from './endorsements.json' with { type: 'json' }
import proofs from './proofs.json' with { type: 'json' }
import scopes from './scopes.json' with { type: 'json' }
import signedTokens from './signed-tokens.json' with { type: 'json' }
import type { Answer, Form, Refused, Vector, VectorFile } from './source/vector.ts'

type Told = Omit<VectorFile, 'vectors'> & Readonly<{ vector: Vector }>

const FILES = {
  ...{ audiences, credentials, endorsements, proofs, scopes },
  'signed-tokens': signedTokens,
} as unknown as Readonly<Record<string, VectorFile>>

/** The vectors for a way to check, each after its title. */
export const vectorsFor = (forms: readonly Form[]): (readonly [title: string, told: Told])[] =>
  Object.entries(FILES).flatMap(([name, { vectors, ...file }]) =>
    vectors
      .filter(({ form }) => forms.includes(form))
      .map((vector) => [`${name}: ${vector.title}`, { ...file, vector }] as const),
  )

const parameterOf = (challenge: string, name: string) =>
  new RegExp(`[ ,]${name}="([^"]*)"`).exec(challenge)?.[1]

const sessionOf = ({ user, client, authorizations, audience, cnf }: SessionRecord) => ({
  ...{ sub: user?.user_id ?? client?.client_id, client_id: client?.client_id },
  scopes: [...authorizations.scopes].sort(),
  ...{ audience, endorsements: authorizations.endorsements },
  ...(cnf && cnf),
})

/** `session` is null if the request was refused. */
export async function expectAnswer(
  response: Response,
  answer: Answer,
  session: SessionRecord | null,
): Promise<void> {
  expect(response.status).toBe(answer.status)
  if (answer.status === 200) {
    expect(session && sessionOf(session)).toEqual(answer.session)
  } else {
    expect(session).toBeNull()
    const { error } = (await response.json()) as { error: string }
    expect(error).toBe(answer.error ?? 'authentication_required')
    expectChallenge(response.headers.get('WWW-Authenticate') ?? '', answer)
  }
}

function expectChallenge(challenge: string, { scheme, error, scope }: Refused) {
  expect(challenge.split(' ')[0]).toBe(scheme)
  expect(parameterOf(challenge, 'error') ?? null).toBe(error)
  if (scope !== undefined) expect(parameterOf(challenge, 'scope') ?? '').toBe(scope)
}
