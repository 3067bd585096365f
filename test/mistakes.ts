/** Mistakes that nobody should make unnoticed, here those of protocol, flows and doors: for `test/mutants.ts`. */

import { MISTAKES_IN_RULES } from './mistakes-in-rules.ts'
import { MISTAKES_IN_STORAGE } from './mistakes-in-storage.ts'
import { type Mutant, mutant } from './mutant.ts'

const ANY_TEXT = 'unit/any-text'
const CODE = 'workers/rfc6749-authorization-code'
const REFRESH = 'workers/rfc6749-refresh'
const CLIENT = 'workers/rfc6749-client-authentication'
const ASSERTION = 'workers/rfc7523-client-assertion'
const CONSENT = 'workers/consent'
const CREDENTIALS = 'workers/rfc6749-client-credentials'
const DPOP = 'workers/rfc9449-dpop'
const ENDPOINT = 'workers/rfc6749-authorization-endpoint'
const EXPLAIN = 'workers/errors-that-explain'
const GUESSING = 'workers/guessing-secrets'
const INTROSPECT = 'workers/rfc7662-introspection'
const PKCE = 'workers/rfc7636-pkce'
const RESOURCES = 'workers/rfc9449-resources'
const REVOKE = 'workers/rfc7009-revocation'
const SIGN_IN = 'workers/sign-in'
const STALE = 'workers/stale-client'
const CODE_GRANT = 'flows/grants/authorization-code.ts'
const REFRESH_GRANT = 'flows/grants/refresh-token.ts'

export const MUTANTS: readonly Mutant[] = [
  ...MISTAKES_IN_RULES,
  ...MISTAKES_IN_STORAGE,
  mutant('protocol/redirect-uri.ts', ANY_TEXT, '(isPublic(client) && redirect', '(redirect'),
  mutant('protocol/redirect-uri.ts', ANY_TEXT, String.raw`(?::\d{1,5})?`, '(?::[^/]*)?'),
  mutant('protocol/redirect-uri.ts', ANY_TEXT, "undefined || uri.includes('#')", 'undefined'),
  mutant(
    'protocol/pkce.ts',
    ANY_TEXT,
    "return 'code_verifier without a code_challenge before'",
    'return null',
  ),
  mutant('protocol/pkce.ts', ANY_TEXT, "method !== 'S256'", "method === 'plain'"),
  mutant('protocol/fields.ts', ANY_TEXT, 'else if (!MAY_REPEAT.has(name))', 'else if (false)'),
  mutant(
    'protocol/client-authentication.ts',
    ANY_TEXT,
    "decodeURIComponent(text.replaceAll('+', ' '))",
    'decodeURIComponent(text)',
  ),
  mutant('protocol/session-cookie.ts', ANY_TEXT, 'values.length > 1 || ', ''),
  mutant('protocol/scope-parameter.ts', ANY_TEXT, '!holdsScope(authorized, scope)', 'false'),
  mutant('protocol/dpop.ts', ANY_TEXT, 'UNRESERVED.test(character) ? character : ', ''),
  mutant('protocol/dpop.ts', 'workers/rfc9449-dpop', 'htm !== request.method', 'htm === undefined'),
  mutant(
    'protocol/dpop.ts',
    'workers/rfc9449-dpop',
    '<= PROOF_WINDOW_SECONDS)',
    '<= PROOF_WINDOW_SECONDS * 10)',
  ),
  mutant(
    'protocol/client-assertion.ts',
    'workers/rfc7523-client-assertion',
    'aud.length === 1 && aud[0] === issuer',
    'aud.includes(issuer)',
  ),
  mutant(
    'protocol/callers-words.ts',
    'workers/any-input.long',
    '[^\\x20-\\x7e]',
    '[^\\x20-\\uffff]',
  ),
  mutant('scoped/caller.ts', 'workers/scoped-jwt', 'imported?.from !== from', '!imported'),
  mutant('http/next-page.ts', ANY_TEXT, '/^\\/(?!\\/)/', '/^\\//'),
  mutant(
    'http/form.ts',
    'workers/any-input.long',
    'noteOf(c).form = form',
    "if (form.has('__proto__')) throw new Error()",
  ),
  mutant(
    'flows/authenticate-client.ts',
    CLIENT,
    "if (!isEnabled(client)) throw invalidClient('disabled client')",
    '',
  ),
  mutant(
    'flows/authenticate-client.ts',
    CLIENT,
    '!acceptsMethod(client.authMethod, presented.method)',
    'false',
  ),
  mutant(
    'flows/authenticate-client.ts',
    'workers/any-input.long',
    'if (!credential) {',
    'if (!client) {',
  ),
  mutant(
    'flows/proof-of-possession.ts',
    'workers/rfc9449-dpop',
    'if (!(await isFirstUse)) throw',
    'if (!(await isFirstUse)) void',
  ),
  mutant('flows/sign-in.ts', 'workers/sign-in', ' || !isEnabled(found.user)', ''),
  mutant('flows/sign-in.ts', 'workers/any-input.long', '!found || !matches || ', '!found || '),
  mutant('flows/authorize.ts', 'workers/consent', '!answer.confirmed || ', ''),
  mutant(
    'flows/authorize.ts',
    'workers/rfc6749-authorization-endpoint',
    'const redirect = approveRedirect(client, asked.redirectUri)',
    'const redirect = asked.redirectUri as ApprovedRedirect',
  ),
  mutant(
    CODE_GRANT,
    CODE,
    "if (code.clientId !== client.clientId) refuse('issued to another client')",
    '',
  ),
  mutant(CODE_GRANT, CODE, 'if (isExpired(code, now))', 'if (false)'),
  mutant(CODE_GRANT, REFRESH, 'familyId !== null && deps.revocations.endFamily(', 'void ('),
  mutant(CODE_GRANT, 'workers/rfc7636-pkce', 'if (problem !== null) refuse(problem)', ''),
  mutant(
    REFRESH_GRANT,
    REFRESH,
    "if (family.clientId !== client.clientId) refuse('issued to another client')",
    '',
  ),
  mutant(REFRESH_GRANT, REFRESH, 'const isRetry = !isPublic(client) && ', 'const isRetry = '),
  mutant(REFRESH_GRANT, REFRESH, 'meetScopes(requested, held.scopes)', 'requested'),
  mutant(
    'flows/revoke-token.ts',
    'workers/rfc7009-revocation',
    'requireOwn(standing.family.clientId, client)',
    '',
  ),
  mutant(
    'flows/introspect.ts',
    'workers/rfc7662-introspection',
    'client.mayIntrospect && !isPublic(client)',
    'client.mayIntrospect',
  ),
  mutant(
    'protocol/redirect-uri.ts',
    ENDPOINT,
    'redirectUris.length === 1 ? redirectUris[0] : undefined',
    'redirectUris[0]',
  ),
  mutant('protocol/pkce.ts', PKCE, 'mandatory || method !== undefined', 'method !== undefined'),
  mutant('protocol/pkce.ts', ANY_TEXT, '!CHALLENGE.test(challenge)', 'false'),
  mutant('protocol/pkce.ts', PKCE, '!VERIFIER.test(verifier)', 'false'),
  mutant(
    'protocol/client-authentication.ts',
    CLIENT,
    'if (secret !== undefined) throw twoMethods()',
    '',
  ),
  mutant('protocol/client-authentication.ts', ASSERTION, 'type !== JWT_BEARER', 'false'),
  mutant('protocol/client-assertion.ts', ASSERTION, 'iss !== clientId || ', ''),
  mutant(
    'protocol/client-assertion.ts',
    ASSERTION,
    'exp > now + MAX_LIFETIME_SECONDS)',
    'exp > now + MAX_LIFETIME_SECONDS * 10)',
  ),
  mutant('protocol/dpop.ts', DPOP, ' || jti.length > MAX_JTI_LENGTH', ''),
  mutant('protocol/dpop.ts', DPOP, 'if (!isSameUri) return', 'if (false) return'),
  mutant('protocol/dpop.ts', RESOURCES, 'if (!isBound) return', 'if (false) return'),
  mutant(
    'protocol/session-cookie.ts',
    'workers/authenticator-refusals',
    'token.length > MAX_VALUE_LENGTH || ',
    '',
  ),
  mutant(
    'protocol/scope-parameter.ts',
    ANY_TEXT,
    'scopes.find((scope) => !isScope(scope))',
    'undefined',
  ),
  mutant('protocol/authorization-response.ts', ENDPOINT, "query.set('iss', common.issuer)", ''),
  mutant(
    'protocol/public-url.ts',
    'workers/rfc9728-protected-resource',
    '!PRINTABLE.test(text) || ',
    '',
  ),
  mutant('protocol/issuer.ts', 'unit/settings', 'url.origin !== text', 'false'),
  mutant('protocol/callers-words.ts', EXPLAIN, ".replace(CREDENTIAL, '$1(hidden)')", ''),
  mutant('protocol/callers-words.ts', 'workers/threats', 'clean.length > maxLength ?', 'false ?'),
  mutant('protocol/authorization-request.ts', ENDPOINT, "responseType !== 'code'", 'false'),
  mutant(
    'protocol/authorization-request.ts',
    ENDPOINT,
    "!client.grantTypes.includes('authorization_code')",
    'false',
  ),
  mutant(
    'protocol/authorization-request.ts',
    'workers/rfc9449-dpop-grants',
    'jkt === null || isThumbprint(jkt)',
    'true',
  ),
  mutant('flows/as-client.ts', GUESSING, 'if (seconds > 0) throw', 'if (false) throw'),
  mutant('flows/as-client.ts', GUESSING, " && !isWellFormed('clientSecret', presented.secret)", ''),
  mutant('flows/as-client.ts', GUESSING, 'await deps.clients.find(clientId)', 'void 0'),
  mutant('flows/as-client.ts', CLIENT, 'if (!mayBeOutdated) throw cause', 'throw cause'),
  mutant(
    'flows/authenticate-client.ts',
    ASSERTION,
    'if (!(await isFirstUse)) throw',
    'if (!(await isFirstUse)) void',
  ),
  mutant('flows/sign-in.ts', SIGN_IN, 'if (now < lockedUntil) throw', 'if (false) throw'),
  mutant('flows/sign-in.ts', SIGN_IN, '?? NO_ONES_HASH', "?? ''"),
  mutant(
    'flows/sign-in.ts',
    SIGN_IN,
    'if (asked.previousToken !== null) defer',
    'if (false) defer',
  ),
  mutant('flows/authorize.ts', CONSENT, 'mayRemember && isRemembered', 'isRemembered'),
  mutant('flows/authorize.ts', CONSENT, ' && consent.fingerprint === fingerprint', ''),
  mutant('flows/authorize.ts', CONSENT, 'consent.scopes === asked && ', ''),
  mutant('flows/authorize.ts', CONSENT, 'answer.ticked.includes(scope)', 'true'),
  mutant(
    'flows/authorize.ts',
    CONSENT,
    'meetScopes(meetScopes(request.scopes, client.scopes), user.scopes)',
    'meetScopes(request.scopes, client.scopes)',
  ),
  mutant('flows/authorize.ts', ENDPOINT, '!client || !isEnabled(client)', '!client'),
  mutant('flows/authorize.ts', ENDPOINT, 'if (malformed) throw malformed', ''),
  mutant('flows/authorize.ts', 'workers/account', 'if (isEnabled(user)) return', 'return'),
  mutant('flows/issue-token.ts', CREDENTIALS, 'client.grantTypes.includes(grantType)', 'true'),
  mutant('flows/grants/client-credentials.ts', CREDENTIALS, 'isPublic(client)', 'false'),
  mutant(
    'flows/proof-of-possession.ts',
    DPOP,
    'if (!client.requireDpop) return null',
    'return null',
  ),
  mutant('flows/still-held.ts', REFRESH, 'registered && !isEnabled(registered)', 'false'),
  mutant(
    'flows/still-held.ts',
    REFRESH,
    'meetScopes(meetScopes(granted.scopes, client.scopes), user.scopes)',
    'meetScopes(granted.scopes, user.scopes)',
  ),
  mutant(CODE_GRANT, CODE, '!mayOmitRedirectUri && ', 'false && '),
  mutant(CODE_GRANT, CODE, 'code.codeChallenge !== null && age', 'age'),
  mutant(CODE_GRANT, CODE, "sessionKey !== '' && deps.revocations.endSessions(", 'void ('),
  mutant(
    CODE_GRANT,
    'workers/rfc9449-dpop-grants',
    'code.dpopJkt && code.dpopJkt !== jkt',
    'false',
  ),
  mutant(CODE_GRANT, 'workers/storage-faults', 'await deps.codes.unspend(', 'void ('),
  mutant(REFRESH_GRANT, 'workers/rfc9449-dpop-grants', 'isPublic(client) && jkt', 'jkt'),
  mutant(
    REFRESH_GRANT,
    'workers/rfc9449-dpop-grants',
    "if (jkt === null) refuse('no DPoP",
    "if (false) refuse('no DPoP",
  ),
  mutant(REFRESH_GRANT, REFRESH, 'if (now >= family.expiresAt)', 'if (false)'),
  mutant(REFRESH_GRANT, REFRESH, 'if (!won) return', 'if (false) return'),
  mutant(REFRESH_GRANT, REFRESH, 'await deps.refreshTokens.unrotate(', 'void ('),
  mutant('flows/revoke-token.ts', REVOKE, 'requireOwn(session.client.client_id, client)', 'void 0'),
  mutant('flows/revoke-token.ts', REVOKE, 'else if (isPublic(client)) return', ''),
  mutant('flows/revoke-token.ts', REVOKE, 'session && session.client === null', 'false'),
  mutant('flows/introspect.ts', INTROSPECT, 'spentAt !== null || ', ''),
  mutant('flows/introspect.ts', INTROSPECT, ' || now >= family.expiresAt', ''),
  mutant('flows/introspect.ts', INTROSPECT, " || !client.grantTypes.includes('refresh_token')", ''),
  mutant('flows/introspect.ts', INTROSPECT, ' || !isEnabled(client)', ''),
  mutant('stores/client-failures.ts', GUESSING, ': FLOOD_PERIOD_SECONDS', ': 0'),
  mutant('domain/lockout.ts', GUESSING, '2 ** (failures - free)', '1'),
  mutant(
    'domain/lockout.ts',
    SIGN_IN,
    'FREE_FAILURES_OF_NAME = 100',
    'FREE_FAILURES_OF_NAME = 1e9',
  ),
  mutant('stores/client-cache.ts', STALE, ' || ageSeconds >= staleClientSeconds', ''),
  mutant('stores/client-cache.ts', STALE, ' || !evenStale', ''),
  mutant('stores/client-cache.ts', STALE, '!kept || !evenStale', 'true || !evenStale'),
  mutant('domain/network.ts', 'unit/network', '.slice(0, NETWORK_GROUPS)', ''),
  mutant('http/flood.ts', GUESSING, 'client === null ?', 'true ?'),
  mutant('http/flood.ts', SIGN_IN, '.catch(uncounted)', ''),
  mutant('stores/client-failures.ts', GUESSING, '.catch(() => ({ success: true }))', ''),
  mutant('compose.ts', SIGN_IN, 'LIMIT_TIMEOUT_SECONDS = 1', 'LIMIT_TIMEOUT_SECONDS = 1e9'),
  mutant(
    'http/form.ts',
    'workers/threats',
    'within(MAX_BODY_SECONDS,',
    'within(MAX_BODY_SECONDS * 9,',
  ),
  mutant('http/form-token.ts', CONSENT, 'isOurs &&', ''),
  mutant('http/page.ts', CONSENT, '"frame-ancestors \'none\'",', ''),
  mutant('routes/client-post.ts', CREDENTIALS, '    refuseSecretsInUrl(c.req.url)', ''),
  mutant(
    'crypto/signature-algorithms.ts',
    'unit/keys',
    "['RS256', 'PS256'",
    "['HS256', 'RS256', 'PS256'",
  ),
  mutant('crypto/jws.ts', 'workers/scoped-jwt', 'kid !== undefined && kid !== header.kid', 'false'),
  mutant('authenticator/check.ts', RESOURCES, '(jkt === null) !== (proof === null)', 'false'),
  mutant('authenticator/check.ts', RESOURCES, 'if (!isNew) return', 'if (false) return'),
  mutant(
    'authenticator/check.ts',
    'workers/authenticator-refusals',
    '|| !isOfKind(',
    '|| !Boolean(',
  ),
  mutant(
    'authenticator/check.ts',
    'workers/authenticator-requirements',
    '!needed.every((scope)',
    'needed.length < 0 && !needed.every((scope)',
  ),
]
