/** Does the registry publish its keys and sign with them, and does the authenticator know the keys? */

import {
  createLocalJWKSet,
  decodeProtectedHeader,
  type JSONWebKeySet,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import { holdsSecret } from '../../crypto/client-jwt.ts'
import { createKeys, nextStep } from '../../crypto/key-rotation.ts'
import { importPublicKeys, signWith } from '../../crypto/signed-jwt.ts'
import type { PublicKey } from '../../crypto/signing-keys.ts'
import { isObject } from '../../domain/json-object.ts'
import { secretCommand } from '../../local/project.ts'
import { Refusal } from '../../local/refusal.ts'
import { stepText } from '../key-values.ts'
import { counted } from '../text-form.ts'
import { epochSeconds } from '../tokens.ts'
import {
  ask,
  type Check,
  type Examined,
  fail,
  notChecked,
  ok,
  overApi,
  SEE_LOG,
  type Verdict,
} from './check.ts'
import { said } from './trial.ts'

const KEY_SET_PATH = '/jwks.json'
const INTROSPECTION_JWT = 'token-introspection+jwt'

const NOT_OURS =
  'Another server answers in place of the registry, or this source is not what is deployed: run npm run deploy.'
const LEAKED =
  'The private part has leaked: make new keys (docs/keys.md, A key has leaked), and find out what serves this.'

/** Throws a Refusal that says what is wrong with the key set. */
export async function publishedKeys(origin: string): Promise<readonly PublicKey[]> {
  const where = `${origin}${KEY_SET_PATH}`
  const response = await ask(where)
  if (response.status !== 200) throw new Refusal(`${where} answered ${response.status}`)
  const set: unknown = await response.json().catch(() => null)
  if (!isObject(set) || !Array.isArray(set.keys)) throw new Refusal(`${where} is no key set`)
  return set.keys as readonly PublicKey[]
}

export const verifies = (jwt: string, keys: readonly PublicKey[], expected: JWTVerifyOptions) =>
  jwtVerify(jwt, createLocalJWKSet({ keys } as unknown as JSONWebKeySet), expected).then(
    () => true,
    () => false,
  )

/** Faults that only Cloudflare can tell; null if nothing is wrong. */
async function secretsAtFault(
  keys: readonly PublicKey[],
  { secretNames }: Examined,
): Promise<Verdict | null> {
  if (secretNames === null) return null
  if ((await secretNames('authenticator')).includes('SIGNING_KEYS')) {
    return fail(
      'the authenticator has the secret SIGNING_KEYS, with which it could issue tokens',
      `${secretCommand('delete', 'authenticator', 'SIGNING_KEYS')}: only the registry may hold it.`,
    )
  }
  return keys.length === 0 && (await secretNames('registry')).includes('SIGNING_KEYS')
    ? fail('SIGNING_KEYS of the registry is set, but it publishes no key')
    : null
}

/** The check needs no credential. */
export const KEY_SET: Check = {
  name: 'key-set',
  toDo: `${NOT_OURS} ${SEE_LOG}.`,
  async run(examined) {
    const { issuer } = examined
    const keys = await publishedKeys(issuer)
    if (keys.some((key) => !isObject(key) || holdsSecret(key))) {
      return fail(`${issuer}${KEY_SET_PATH} shows a private part`, LEAKED)
    }
    const fault = await secretsAtFault(keys, examined)
    if (fault) return fault
    if (keys.length === 0)
      return notChecked('the registry has no SIGNING_KEYS, so it signs nothing')
    const known = await importPublicKeys(keys)
    if (!keys.every(({ kid }) => known.has(kid))) {
      return fail(`${issuer}${KEY_SET_PATH} has a key that cannot be used, or under another kid`)
    }
    const published = counted(keys.length, 'key is published', 'keys are published')
    return ok(`${published}; next: ${stepText(nextStep(keys), epochSeconds())}`)
  },
}

/** Signed introspection (RFC 9701) of a token of the trial, verified in the way of a service. */
export const SIGNING: Check = {
  name: 'signing',
  seconds: 30,
  toDo: `${SEE_LOG}. key show says whether SIGNING_KEYS can be used.`,
  run: overApi(async ({ trial }, { issuer }) => {
    const keys = await publishedKeys(issuer)
    const [first] = keys
    if (first === undefined) return notChecked('the registry has no keys')
    const { token, ...refused } = await trial.ownToken()
    if (token === null) return fail(`/token answered ${said(refused)}`)
    const { status, text, clientId } = await trial.introspectSigned(token)
    if (status !== 200 || text.startsWith('{')) {
      return fail(`/introspect answered ${status}, and did not sign`)
    }
    // Another check finds out whether the registry has the name of the issuer.
    const expected = { audience: clientId, typ: INTROSPECTION_JWT }
    if (!(await verifies(text, keys, expected)))
      return fail('what /introspect signs does not verify by the published keys')
    const { kid, alg } = decodeProtectedHeader(text)
    return kid === first.kid
      ? ok(`${alg} under ${kid} signs, and what it signs verifies`)
      : fail(`${kid} signs, and the published set has ${first.kid} as the first`)
  }),
}

/** No registry has the token's key: a 401 shows that the authenticator has read the key set, and a 503 that it cannot. */
export const KEYS_READ: Check = {
  name: 'keys-read',
  seconds: 30,
  toDo: 'See key_set_not_read in the log of the authenticator: does it bind REGISTRY, or reach ISSUER? See its wrangler.toml.',
  run: overApi(async ({ trial }, { issuer, authenticatorUrl }) => {
    if (authenticatorUrl === null || trial.seen === null) {
      return notChecked('the authenticator has seen no session: see the line above')
    }
    const own = await publishedKeys(authenticatorUrl)
    const registry = await publishedKeys(issuer)
    const shared = own.find(({ kid }) => registry.some((key) => key.kid === kid))
    if (shared) {
      const toDo = 'Give the authenticator keys of its own: key create, then AUTHENTICATOR_KEYS.'
      return fail(`${shared.kid} is a key of the registry and of the authenticator`, toDo)
    }
    if (registry.length === 0) return notChecked('the registry has no keys')
    const now = epochSeconds()
    const claims = {
      iss: issuer,
      sub: 'doctor',
      aud: issuer,
      iat: now,
      exp: now + 60,
      jti: 'doctor',
    }
    const forged = await signWith(await createKeys('ES256', now), 'at+jwt', claims)
    const { status } = await trial.present(authenticatorUrl, forged)
    if (status === 401)
      return ok('the authenticator refuses a token that no key of the registry signed')
    return fail(`/auth answers ${status} to a token that no key of the registry signed`)
  }),
}
