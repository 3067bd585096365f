/** Mistakes in the rules themselves, for `test/mutants.ts`: what covers what, what a record must be, what a key or password proves. */

import { type Mutant, mutant, mutants } from './mutant.ts'

const ANY_TEXT = 'unit/any-text'
const CLIENT = 'workers/rfc6749-client-authentication'
const CODE = 'workers/rfc6749-authorization-code'
const CONSENT = 'workers/consent'
const DPOP = 'workers/rfc9449-dpop'
const PASSWORD = 'unit/password'
const REGISTRATION = 'unit/registration'
const REVOCATION = 'workers/revocation'
const SHAPE = 'unit/session-shape'

export const MISTAKES_IN_RULES: readonly Mutant[] = [
  mutant('domain/authorization-code.ts', CODE, 'now >= code.expiresAt', 'now > code.expiresAt'),
  mutant('domain/category.ts', ANY_TEXT, "held.endsWith('.*') && ", ''),
  mutant(
    'domain/covering.ts',
    ANY_TEXT,
    'if (covers(a, b)) common.add(b)',
    'if (covers(a, b)) common.add(a)',
  ),
  mutant('domain/scope.ts', ANY_TEXT, "held.endsWith(':*') && ", ''),
  mutant('domain/scope.ts', ANY_TEXT, '[A-Za-z0-9._~/-]+))?$/', '[A-Za-z0-9._~/-]+))?/'),
  ...mutants(
    'domain/client.ts',
    'workers/guessing-secrets',
    ['secret.length < MIN_SECRET_CHARACTERS || ', ''],
    [' || new Set(secret).size < MIN_DIFFERENT_CHARACTERS', ''],
  ),
  ...mutants('domain/client.ts', CLIENT, ['now < expiresAt', 'now <= expiresAt']),
  ...mutants('domain/client.ts', 'workers/access-token-lifetime', [
    'Math.min(accessTokenLifetimeSeconds ?? longestSeconds, longestSeconds)',
    'accessTokenLifetimeSeconds ?? longestSeconds',
  ]),
  mutant(
    'domain/client.ts',
    'workers/rfc6749-client-credentials',
    "client.authMethod === 'none'",
    'false',
  ),
  ...mutants(
    'domain/client.ts',
    'workers/rfc7636-pkce',
    ['client.requirePkce || ', ''],
    [' || isPublic(client)', ''],
  ),
  mutant(
    'domain/client.ts',
    'workers/narrowing',
    "method.startsWith('client_secret')",
    "method === 'client_secret_post'",
  ),
  ...mutants(
    'domain/client.ts',
    CLIENT,
    [
      "(registered === 'client_secret' && usesSecret(used))",
      '(usesSecret(registered) && usesSecret(used))',
    ],
    ["(registered === 'client_secret' && usesSecret(used))", "registered === 'client_secret'"],
    ['registered === used || (registered', '(registered'],
  ),
  ...mutants(
    'domain/consent.ts',
    CONSENT,
    ['client: { clientId, name,', "client: { clientId, name: '',"],
    [
      ' ownerId, url, description, redirectUris },',
      " ownerId: '', url, description, redirectUris },",
    ],
    [' url, description, redirectUris },', " url: '', description, redirectUris },"],
    [' description, redirectUris },', " description: '', redirectUris },"],
    [', redirectUris },', ', redirectUris: [] },'],
    ['endorsements: endorsements.map(endorsementSentence)', 'endorsements: []'],
    ["!isPublic(client) || redirectUri.startsWith('https://')", 'true'],
    [" || redirectUri.startsWith('https://')", ''],
  ),
  ...mutants(
    'domain/redirect-uri.ts',
    REGISTRATION,
    ['|| /^https?:\\/\\/[^/?]*@/.test(uri)', ''],
    ['!uri.startsWith(url.origin)', 'false'],
    ['!LOOPBACK_HOSTS.includes(url.hostname)', 'false'],
    ["uri.includes('#')", 'false'],
    ["uri.includes('*') || ", ''],
    [" || uri.includes('\\\\')", ''],
    ["!url.protocol.includes('.')", 'false'],
    ['isPublic ? null : ', 'true ? null : '],
    ['[\\x21-\\x7e]+$/', '[\\x21-\\uffff]+$/'],
  ),
  ...mutants(
    'domain/registration.ts',
    REGISTRATION,
    ["client.authMethod === 'private_key_jwt' && client.jwks === null", 'false'],
    ["client.authMethod !== 'private_key_jwt' && client.jwks !== null", 'false'],
    ['if (problem) return', 'if (false) return'],
    ["isPublic && client.grantTypes.includes('client_credentials')", 'false'],
  ),
  ...mutants(
    'domain/revocation.ts',
    REVOCATION,
    ['sinceMs <= (moments', 'sinceMs < (moments'],
    ["subjects.push(['client', client.client_id, sinceMs])", ''],
    ['if (user) subjects.push', 'if (false) subjects.push'],
    ['if (user && client) {', 'if (false && user && client) {'],
  ),
  mutant(
    'domain/revocation.ts',
    'workers/revocation-of-old-records',
    'Date.parse(client_as_of)',
    'sinceMs',
  ),
  mutant('domain/scope-catalogue.ts', 'unit/scope-catalogue', "resource === '*' ?", 'false ?'),
  ...mutants(
    'domain/session-shape.ts',
    SHAPE,
    ['(Z|[+-]\\d\\d:\\d\\d)$/', '(Z|[+-]\\d\\d:\\d\\d)?$/'],
    ['&& !Number.isNaN(Date.parse(value))', ''],
    ["only((value: string) => value !== '', 'string')", 'text'],
    ["only(isScope, 'string')", 'text'],
    ["only(isEndorsement, 'string')", 'text'],
    ['cnf: record({ jkt: name }),', ''],
    ['client_as_of: instant,', ''],
    ['\n    as_of: instant,', ''],
    ['if (Array.isArray(value)) return value.map(item)', 'if (Array.isArray(value)) return value'],
  ),
  mutant(
    'domain/session.ts',
    DPOP,
    '...(session.jkt !== null && { cnf: { jkt: session.jkt } }),',
    '',
  ),
  mutant(
    'domain/session.ts',
    'workers/revocation-of-old-records',
    'session.client.readAtMs < session.asOfMs && {',
    'false && {',
  ),
  mutant('crypto/digest.ts', CLIENT, 'return difference === 0', 'return true'),
  ...mutants(
    'crypto/jws.ts',
    'workers/scoped-jwt',
    ['algorithms: [header.alg],', ''],
    ['issuer: expected.issuer,', ''],
    ["requiredClaims: ['exp'],", ''],
    ['currentDate: new Date(expected.now * 1000),', 'currentDate: new Date(0),'],
    ['>= MIN_SECRET_BYTES', '> 0'],
  ),
  ...mutants(
    'crypto/password.ts',
    PASSWORD,
    [" || password.includes('\\0')", ''],
    ['expected.length === derived.length && timingSafeEqual(expected, derived)', 'true'],
  ),
  ...mutants(
    'crypto/proof.ts',
    DPOP,
    ['header.typ !== typ || ', ''],
    ["EC: ['crv', 'kty', 'x', 'y']", "EC: ['crv', 'kty']"],
  ),
  mutant(
    'crypto/random.ts',
    CODE,
    'crypto.getRandomValues(new Uint8Array(32))',
    'new Uint8Array(32)',
  ),
  mutant('crypto/signature-algorithms.ts', 'node/admin-keys', "['d', 'p',", "['p',"),
  ...mutants('crypto/token.ts', 'workers/authenticator-faults', [
    'return checksum(token.slice(0, -CHECKSUM_LENGTH)) === token.slice(-CHECKSUM_LENGTH)',
    'return true',
  ]),
  mutant('crypto/token.ts', 'unit/keys', 'if (!token.startsWith(prefix)) return false', ''),
  ...mutants('protocol/bearer.ts', 'workers/any-input.long', ['+=*)$/i', '+=*)/i']),
  mutant(
    'protocol/bearer.ts',
    'workers/rfc9449-resources',
    "scheme.toLowerCase() === 'dpop' ? 'dpop' : 'bearer'",
    "'bearer'",
  ),
  mutant(
    'protocol/introspection-response.ts',
    'workers/rfc7662-introspection',
    '...(token.jkt && { cnf: { jkt: token.jkt } }),',
    '',
  ),
  mutant('protocol/token-response.ts', DPOP, "jkt === null ? 'Bearer' : 'DPoP'", "'Bearer'"),
]
