/** The public keys of a client in a form: pasted, or as the address at which the client publishes them. */

import { thumbprintOf } from '../../crypto/digest.ts'
import { type ClientRecord, usesSecret } from '../../domain/client.ts'
import type { GivenKeys } from '../../flows/registration/own-credentials.ts'
import type { KEY_LABELS, ShownKey } from '../../pages/portal/keys-page.tsx'
import { allowsLoopbackFor, outboundUrlProblem } from '../../protocol/outbound-url.ts'
import { CLIENT_FIELDS } from '../../protocol/registration/client-fields.ts'
import { invalid } from '../../protocol/registration/errors.ts'
import { requireValid } from '../../protocol/registration/field.ts'

export type TypedKeys = Readonly<Record<keyof typeof KEY_LABELS, string>>

export const typedKeysIn = (form: URLSearchParams): TypedKeys => ({
  jwks: (form.get('jwks') ?? '').trim(),
  jwks_uri: (form.get('jwks_uri') ?? '').trim(),
})

/** Null if neither keys nor an address are given. The keys in a pasted set are checked when the client is written. */
export function givenKeysIn(
  { jwks, jwks_uri: jwksUri }: TypedKeys,
  issuer: string,
): GivenKeys | null {
  if (jwks !== '' && jwksUri !== '') {
    throw invalid('keys are given already, so {field} must be empty', 'jwks_uri')
  }
  requireValid(CLIENT_FIELDS.jwksUri.schema, jwksUri, 'jwks_uri')
  if (jwks !== '') return { jwks }
  if (jwksUri === '') return null
  const problem = outboundUrlProblem(jwksUri, allowsLoopbackFor(issuer))
  if (problem === null) return { jwksUri }
  throw invalid(`{field} ${problem}`, 'jwks_uri')
}

export function methodOf({ authMethod }: Pick<ClientRecord, 'authMethod'>) {
  if (authMethod === 'private_key_jwt') return 'keys'
  return usesSecret(authMethod) ? 'secret' : 'none'
}

type Jwk = Readonly<{ kty: string; crv?: string; kid?: string; alg?: string }>

const keysIn = ({ jwks }: Pick<ClientRecord, 'jwks'>) =>
  jwks === null ? [] : (JSON.parse(jwks) as { keys: Jwk[] }).keys

/** The keys for people. A key without an id has its thumbprint (RFC 7638) as its id. */
export const shownKeys = (client: Pick<ClientRecord, 'jwks'>): Promise<readonly ShownKey[]> =>
  Promise.all(
    keysIn(client).map(async (key) => ({
      id: typeof key.kid === 'string' ? key.kid : await thumbprintOf(key),
      hasOwnId: typeof key.kid === 'string',
      type: [key.kty, key.crv].filter((one) => typeof one === 'string').join(' '),
      algorithm: typeof key.alg === 'string' ? key.alg : null,
    })),
  )

/** The `keyAlgorithm` of a client's settings: the algorithm of its first key. Before any key was read it is ES256. */
export function keyAlgorithmOf(client: Pick<ClientRecord, 'authMethod' | 'jwks'>) {
  if (client.authMethod !== 'private_key_jwt') return null
  const [key] = keysIn(client)
  if (key?.kty === 'OKP') return 'EdDSA'
  if (key?.kty === 'RSA') return key.alg === 'PS256' ? 'PS256' : 'RS256'
  return 'ES256'
}

/** The keys for a person to edit: each key has lines of its own. */
export const editableKeys = ({ jwks, jwksUri }: Pick<ClientRecord, 'jwks' | 'jwksUri'>) => ({
  jwks: jwks === null || jwksUri !== '' ? '' : JSON.stringify(JSON.parse(jwks), null, 2),
  jwks_uri: jwksUri,
})
