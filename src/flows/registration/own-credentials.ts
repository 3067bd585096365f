/** How an owner's client authenticates: with keys of its own (`private_key_jwt`), or with a secret. */

import { hexDigest } from '../../crypto/digest.ts'
import { mintToken } from '../../crypto/token.ts'
import { type ClientFields, type ClientRecord, isPublic, usesSecret } from '../../domain/client.ts'
import { conflict } from '../../protocol/registration/errors.ts'
import type { ExpectedVersion, Outcome } from './change.ts'
import { changeClient, requireSoundAfter } from './clients.ts'
import { auditDetailOf, withKeySet } from './create-client.ts'
import { requireOperatorsOwn } from './documents-own.ts'
import type { OwnerAct } from './own-clients.ts'

/** A JWK Set as JSON text, or the address at which the client publishes the set. */
export type GivenKeys = Readonly<{ jwks: string } | { jwksUri: string }>

export const keyFields = (
  keys: GivenKeys,
): Pick<ClientFields, 'authMethod' | 'jwksUri'> & Partial<Pick<ClientFields, 'jwks'>> => ({
  authMethod: 'private_key_jwt',
  jwksUri: '',
  ...keys,
})

/** Ends the secrets, the keys that the set lacks, and the tokens issued with them. The notes are about the keys alone. */
export async function setOwnKeys(
  act: OwnerAct,
  clientId: string,
  keys: GivenKeys,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord>> {
  const { fields, notes } = await withKeySet(keyFields(keys))
  const whole = { fields, lists: {}, mode: 'authorize' as const }
  const { record } = await changeClient(act, clientId, expected, (before) => {
    if (isPublic(before)) throw conflict('a client whose code is public cannot keep a key secret')
    requireOperatorsOwn(before, whole)
    requireSoundAfter(before, whole)
    return [{ kind: 'update', ...whole, detail: auditDetailOf(whole) }]
  })
  return { record, notes }
}

/** The client's keys are no longer accepted, and the tokens that were issued with them end. */
export async function useSecret(
  act: OwnerAct,
  clientId: string,
  expected: ExpectedVersion,
): Promise<Outcome<ClientRecord> & Readonly<{ clientSecret: string }>> {
  const clientSecret = mintToken('clientSecret')
  const secretDigest = await hexDigest(clientSecret)
  const whole = {
    fields: { authMethod: 'client_secret' as const },
    lists: {},
    mode: 'authorize' as const,
  }
  const changed = await changeClient(act, clientId, expected, (before) => {
    if (isPublic(before)) throw conflict('a client whose code is public cannot keep a secret')
    if (usesSecret(before.authMethod)) throw conflict('the client has a secret already')
    requireOperatorsOwn(before, whole)
    requireSoundAfter(before, whole)
    return [
      { kind: 'update', ...whole, detail: auditDetailOf(whole) },
      { kind: 'rotate_secret', secretDigest, overlapSeconds: 0, detail: { overlap_seconds: 0 } },
    ]
  })
  return { ...changed, clientSecret }
}
