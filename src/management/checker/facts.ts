/** Beside a check that failed: what was expected, and what was sent. No rule is decided here. */

import { digest } from '../../crypto/digest.ts'
import { GRANT_TYPES } from '../../domain/client.ts'
import type { Fact, FactValue } from '../../pages/portal/check-page.tsx'
import type { CheckName } from '../../protocol/checks.ts'
import { firstDifference } from '../../protocol/redirect-uri.ts'
import { formOf, methodFacts, secretFacts } from './credential-facts.ts'
import { type FactsOf, MISSING, second, worded } from './fact.ts'
import { assertionFacts, proofFacts } from './jwt-facts.ts'
import { visible } from './masked.ts'
import { grantTypeFacts, targetFacts } from './permission-facts.ts'

/** Both, each with a mark where it begins to differ from the other. */
function compared(expected: string, came: string): readonly [FactValue, FactValue] {
  const [left, right] = [visible(expected), visible(came)]
  if (left === right) return [left, right]
  const at = firstDifference(right, left) - 1
  const split = (text: string) => {
    const characters = [...text]
    return { same: characters.slice(0, at).join(''), differs: characters.slice(at).join('') }
  }
  return [split(left), split(right)]
}

function redirectFacts({ isToken, client, fields, seen }: FactsOf): Fact[] {
  const came = fields.get('redirect_uri')
  const expected = isToken ? [seen.code?.redirectUri ?? ''] : [...client.redirectUris]
  const name = isToken ? 'redirect_uri of the authorization request' : 'Registered'
  if (came === undefined || expected.length === 0) {
    return [
      { name, values: expected.length === 0 ? [MISSING] : expected.map((one) => visible(one)) },
      { name: 'Sent', values: [came === undefined ? MISSING : visible(came)] },
    ]
  }
  const nearest = expected.reduce((best, one) =>
    firstDifference(came, one) > firstDifference(came, best) ? one : best,
  )
  const [marked, cameMarked] = compared(nearest, came)
  return [
    { name, values: expected.map((one) => (one === nearest ? marked : visible(one))) },
    { name: 'Sent', values: [cameMarked] },
  ]
}

async function verifierFacts({ fields, seen }: FactsOf): Promise<Fact[]> {
  const verifier = fields.get('code_verifier')
  const challenge = seen.code?.codeChallenge ?? null
  return [
    { name: 'code_challenge of the authorization request', values: [challenge ?? MISSING] },
    {
      name: 'S256 of the code_verifier',
      values: [verifier === undefined ? 'no code_verifier was sent' : await digest(verifier)],
    },
    ...(verifier === undefined ? [] : [lengthOf(verifier)]),
  ]
}

function lengthOf(verifier: string): Fact {
  const wrong = [...new Set(verifier.replace(/[A-Za-z0-9._~-]/g, ''))].slice(0, 10)
  const others = wrong.length === 0 ? '' : `, with ${wrong.length} that may not be in it`
  return worded('code_verifier', [`${verifier.length} characters (43 to 128 are needed)${others}`])
}

const secondsOf = (name: string, at: number) => worded(name, [second(at)])

function timeFacts({ seen: { code, family }, now }: FactsOf): Fact[] {
  const clock = secondsOf('Now', now)
  if (code) return [secondsOf('Issued', code.issuedAt), secondsOf('Expires', code.expiresAt), clock]
  return family ? [secondsOf('Expires', family.expiresAt), clock] : []
}

const FACTS: Partial<Record<CheckName, (of: FactsOf) => Fact[] | Promise<Fact[]>>> = {
  redirect_uri: redirectFacts,
  target: targetFacts,
  credentials: methodFacts,
  auth_method: methodFacts,
  secret: secretFacts,
  assertion: ({ client, fields, issuer, now }) =>
    assertionFacts(fields.get('client_assertion') ?? '', {
      clientId: client.clientId,
      issuer,
      registered: client.jwks,
      now,
    }),
  dpop_proof: ({ dpop, issuer, now }) => proofFacts(dpop ?? '', { issuer, now }),
  grant_type: () => [{ name: 'Known', values: GRANT_TYPES }],
  grant_type_approved: grantTypeFacts,
  parameters: ({ fields }) => {
    const verifier = fields.get('code_verifier')
    return verifier === undefined ? [] : [lengthOf(verifier)]
  },
  code: ({ fields }) => [worded('Sent', [formOf('authorizationCode', fields.get('code') ?? '')])],
  refresh_token: ({ fields }) => [
    worded('Sent', [formOf('refreshToken', fields.get('refresh_token') ?? '')]),
  ],
  code_verifier: verifierFacts,
  dpop_key: ({ seen, dpop }) => [
    { name: 'Bound to the key', values: [seen.code?.dpopJkt ?? seen.family?.jkt ?? MISSING] },
    worded('Sent', [dpop === null ? 'no DPoP proof' : 'a DPoP proof of another key']),
  ],
  expiry: timeFacts,
  reuse: timeFacts,
  spending: timeFacts,
}

export const factsOf = async (check: CheckName, of: FactsOf): Promise<readonly Fact[]> =>
  (await FACTS[check]?.(of)) ?? []
