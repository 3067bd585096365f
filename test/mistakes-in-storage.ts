/** Mistakes in what the stores ask of D1 and KV, and in when a flow asks them, for `test/mutants.ts`. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the source has these placeholders

import { type Mutant, mutant, mutants } from './mutant.ts'

const ACCOUNT = 'workers/account'
const AUDIT = 'workers/audit'
const CLIENT = 'workers/rfc6749-client-authentication'
const CONTRACTS = 'workers/store-contracts'
const CREDENTIALS = 'workers/rfc6749-client-credentials'
const HOUSEKEEPING = 'workers/housekeeping'
const INTROSPECT = 'workers/rfc7662-introspection'
const SIGN_IN = 'workers/sign-in'
const STILL = 'workers/still-granted'
const KNOWN_BROWSER = 'workers/known-browser'

export const MISTAKES_IN_STORAGE: readonly Mutant[] = [
  ...mutants(
    'stores/codes.ts',
    CONTRACTS,
    ['OR (spent_at IS NULL\n    AND EXISTS', 'OR (true\n    AND EXISTS'],
    [
      'WHERE code_digest = ?1 AND session_key = ?2 ON CONFLICT DO NOTHING`\n/** In the same batch, and only for the winner: what',
      'WHERE code_digest = ?1 AND ?2 = ?2 ON CONFLICT DO NOTHING`\n/** In the same batch, and only for the winner: what',
    ],
    [
      'SELECT ?3, client_id, user_id, ?4, ?5, ?5, ?6 FROM authorization_code WHERE code_digest = ?1 AND session_key = ?2',
      'SELECT ?3, client_id, user_id, ?4, ?5, ?5, ?6 FROM authorization_code WHERE code_digest = ?1 AND ?2 = ?2',
    ],
    [
      'family_id = NULL\n  WHERE code_digest = ?1 AND session_key = ?2',
      'family_id = NULL\n  WHERE code_digest = ?1 AND ?2 = ?2',
    ],
    ["db.prepare(DELETE_FAMILY).bind(family?.family.familyId ?? ''),", ''],
  ),
  mutant('stores/codes.ts', CONTRACTS, '(session_key = ?3 OR (spent_at', '(false OR (spent_at'),
  mutant('stores/codes.ts', STILL, " AND r.redirect_uri = ?5 ->> '$.redirectUri'", ''),
  ...mutants(
    'stores/still-granted.ts',
    STILL,
    [' AND c.disabled_at IS NULL', ''],
    [' AND t.authorized_at IS NOT NULL', ''],
    [' AND a.authorized_at IS NOT NULL', ''],
    ['u.disabled_at IS NULL AND ', ''],
    ['(held: string, asked: string) => `(', '(asked: string, held: string) => `('],
  ),
  mutant('stores/still-granted.ts', CONTRACTS, 'j.jti_digest IS NULL AND ', ''),
  mutant(
    'stores/codes.ts',
    HOUSEKEEPING,
    'KEEP_EXPIRED_CODES_SECONDS = 86_400',
    'KEEP_EXPIRED_CODES_SECONDS = 0',
  ),
  ...mutants(
    'stores/refresh-tokens.ts',
    CONTRACTS,
    ['OR (spent_at IS NULL AND EXISTS', 'OR (true AND EXISTS'],
    ['(successor = ?3 OR (spent_at', '(false OR (spent_at'],
    [' AND f.ended_at IS NULL)', ')'],
    [
      'WHERE token_digest = ?1 AND successor = ?3\n  ON CONFLICT',
      'WHERE token_digest = ?1\n  ON CONFLICT',
    ],
    [
      'successor = NULL\n  WHERE token_digest = ?1 AND successor = ?2',
      'successor = NULL\n  WHERE token_digest = ?1 AND ?2 = ?2',
    ],
    ['db.prepare(DELETE_SUCCESSOR).bind(successor.tokenDigest),', ''],
  ),
  ...mutants('stores/refresh-tokens.ts', CONTRACTS, [" AND record ->> '$.jkt' IS NULL", '']),
  mutant(
    'stores/refresh-tokens.ts',
    CONTRACTS,
    'WHERE t.token_digest = ?4 AND t.successor = ?2)',
    'WHERE t.token_digest = ?4 AND ?2 = ?2)',
  ),
  ...mutants(
    'stores/used-jtis.ts',
    CONTRACTS,
    ['ON CONFLICT DO NOTHING RETURNING', 'ON CONFLICT DO UPDATE SET expires_at = ?2 RETURNING'],
    ['JSON.stringify([owner, jti])', 'JSON.stringify([jti])'],
  ),
  mutant(
    'stores/live-sessions.ts',
    'workers/authenticator-refusals',
    ' || Math.floor(nowMs / 1000) >= endsAt',
    '',
  ),
  mutant(
    'stores/live-sessions.ts',
    'workers/authenticator-refusals',
    'return readSession(value)',
    'return value as SessionRecord',
  ),
  ...mutants('stores/clients.ts', CREDENTIALS, [
    'WHERE a.client_id = c.client_id AND a.authorized_at IS NOT NULL',
    'WHERE a.client_id = c.client_id',
  ]),
  mutant(
    'stores/clients.ts',
    CREDENTIALS,
    'WHERE g.client_id = c.client_id AND g.authorized_at IS NOT NULL',
    'WHERE g.client_id = c.client_id',
  ),
  mutant(
    'stores/clients.ts',
    CREDENTIALS,
    'WHERE e.client_id = c.client_id AND e.authorized_at IS NOT NULL',
    'WHERE e.client_id = c.client_id',
  ),
  mutant(
    'stores/clients.ts',
    CONTRACTS,
    'findFresh: (clientId) => findIn(primary, clientId)',
    'findFresh: (clientId) => findIn(near(), clientId)',
  ),
  ...mutants(
    'stores/sign-in-failures.ts',
    CONTRACTS,
    ['usernameKey(username)\n', 'username\n'],
    ['digest(JSON.stringify([name, network]))', 'digest(JSON.stringify([name, name]))'],
  ),
  ...mutants(
    'stores/sign-in-failures.ts',
    SIGN_IN,
    ['iif(last_failed_at > ?3, failures + 1, 1)', 'failures + 1'],
    ['subject IN (?1, ?2)`', 'subject IN (?2)`'],
  ),
  ...mutants(
    'stores/sign-in-failures.ts',
    KNOWN_BROWSER,
    ['WHERE k.user_id = ', 'WHERE k.user_id IS NOT '],
    ['known?.results.length', 'browserToken'],
  ),
  ...mutants(
    'stores/known-browsers.ts',
    KNOWN_BROWSER,
    [' AND k.user_id = ', ' AND k.user_id IS NOT '],
    [' AND k.expires_at > ?3', ' AND ?3 = ?3'],
    [' AND u.password_hash = ?4', ' AND ?4 = ?4'],
    [' AND u.disabled_at IS NULL', ''],
    ['SET browser_digest = ?1 WHERE', 'SET browser_digest = ?2 WHERE'],
    [' AND session_ends_at > ?2', ' AND ?2 = ?2'],
    ["kind = 'session' AND subject = ?1)`", "kind = 'session' AND subject = '')`"],
    ['MAX_BROWSERS_OF_USER = 20', 'MAX_BROWSERS_OF_USER = 1000'],
  ),
  mutant(
    'stores/user-registry.ts',
    KNOWN_BROWSER,
    'DELETE FROM known_browser WHERE',
    'DELETE FROM known_browser WHERE 0 = 1 AND',
  ),
  mutant('stores/refusals.ts', CONTRACTS, ' AND refused_at > ?2', ' AND ?2 = ?2'),
  mutant('stores/codes.ts', 'workers/consent', 'SET scopes = excluded.scopes, ', 'SET '),
  mutant(
    'stores/codes.ts',
    'workers/consent',
    "WITHDRAWN_FINGERPRINT}'\n  WHERE user_id = ?1 AND client_id = ?2",
    "WITHDRAWN_FINGERPRINT}'\n  WHERE user_id = ?1 AND client_id = '' AND ?2 = ?2",
  ),
  mutant(
    'stores/connected-applications.ts',
    ACCOUNT,
    ', ...(JSON.parse(row.issued) as string[])',
    '',
  ),
  mutant('stores/connected-applications.ts', ACCOUNT, 'AND f.ended_at IS NULL', ''),
  mutant(
    'stores/audit.ts',
    AUDIT,
    'FROM consent WHERE user_id = ?2 AND client_id = ?3',
    'FROM consent WHERE user_id = ?2 AND ?3 = ?3',
  ),
  mutant(
    'stores/connected-applications.ts',
    ACCOUNT,
    'WHERE a.client_id = n.client_id AND a.authorized_at IS NOT NULL',
    'WHERE a.client_id = n.client_id',
  ),
  ...mutants(
    'stores/sweeps.ts',
    HOUSEKEEPING,
    ['<= ?1 ORDER BY', '<= ?1 + 9e9 ORDER BY'],
    ['max(slice.granted_at, coalesce(slice.used_at, 0)) <= ?1', 'slice.granted_at <= ?1'],
    [
      'AND NOT EXISTS (SELECT 1 FROM refresh_family f WHERE f.user_id = slice.user_id AND f.client_id = slice.client_id)',
      '',
    ],
    [
      'AND NOT EXISTS (SELECT 1 FROM authorization_code a WHERE a.user_id = slice.user_id AND a.client_id = slice.client_id)',
      '',
    ],
    [' AND NOT EXISTS (SELECT 1 FROM refresh_token t WHERE t.family_id = f.family_id)', ''],
  ),
  mutant('stores/deadline.ts', 'unit/deadline', 'if (isOver()) throw fault', ''),
  mutant(
    'stores/sessions.ts',
    CONTRACTS,
    'expirationTtl: lifetimeSeconds',
    'expirationTtl: lifetimeSeconds * 2',
  ),
  mutant(
    'stores/make-room.ts',
    'unit/make-room',
    'memory.size >= most',
    'memory.size > most * 1e9',
  ),
  mutant(
    'flows/issue-access-token.ts',
    'workers/storage-faults',
    'await openSession(',
    'void openSession(',
  ),
  ...mutants(
    'flows/connected-applications.ts',
    ACCOUNT,
    [
      'meetScopes(meetScopes(application.agreedScopes, application.scopes), user.scopes)',
      'application.agreedScopes',
    ],
    ['meetEndorsements(application.endorsements, user.endorsements)', 'application.endorsements'],
    ['() => ALL_REVOKED_WITHIN_SECONDS + HEAL_SECONDS', '() => ALL_REVOKED_WITHIN_SECONDS'],
    ['userOf(session, found, deps.usersAreExternal)', 'userOf(session, { user: null }, true)'],
  ),
  ...mutants(
    'stores/client-registry.ts',
    CLIENT,
    [
      'UPDATE client_credential SET expires_at = ${OVERLAP_ENDS}',
      'UPDATE client_credential SET expires_at = NULL',
    ],
    ['AND (expires_at IS NULL OR expires_at > ${OVERLAP_ENDS})', ''],
    [
      "FROM client WHERE client_id = ?1 AND auth_method LIKE 'client_secret%'",
      'FROM client WHERE client_id = ?1',
    ],
  ),
  ...mutants('stores/client-registry.ts', 'node/admin-client', [
    "AND auth_method NOT LIKE 'client_secret%'",
    'AND false',
  ]),
  mutant(
    'stores/covered-endorsements.ts',
    'workers/covered-endorsements',
    '(other.authorized_at IS NOT NULL OR mine.authorized_at IS NULL) AND ',
    '',
  ),
  mutant(
    'stores/permission-rows.ts',
    CREDENTIALS,
    'requested_at)\n    SELECT c.client_id, j.value, ?3 FROM',
    'requested_at, authorized_at)\n    SELECT c.client_id, j.value, ?3, ?3 FROM',
  ),
  mutant(
    'stores/permission-rows.ts',
    'node/admin-client',
    'client_id = ?1 AND authorized_at IS NOT NULL',
    'client_id = ?1 AND false',
  ),
  mutant('stores/audit.ts', 'node/admin-audit', ' WHERE changes() > 0', ''),
  mutant('stores/user-registry.ts', 'node/admin-audit', ' AND disabled_at IS NOT NULL', ''),
  mutant('stores/temporary-subjects.ts', 'node/doctor', "BEYOND = 'doctor.'", "BEYOND = 'e'"),
  ...mutants(
    'stores/housekeeping.ts',
    HOUSEKEEPING,
    ['Date.now() - begunMs >= MAX_RUN_MS', 'false'],
    ['round > 1 && ', ''],
    ['run % sweeps.length', '0'],
  ),
  mutant('stores/users.ts', SIGN_IN, 'disabledAt: row.disabled_at', 'disabledAt: null'),
  mutant(
    'stores/users.ts',
    'workers/consent',
    'FROM consent WHERE user_id = ?1 AND client_id = ?2',
    'FROM consent WHERE user_id = ?1 AND ?2 = ?2',
  ),
  mutant('stores/clients.ts', CLIENT, 'disabledAt: row.disabled_at', 'disabledAt: null'),
  mutant('stores/clients.ts', 'workers/rfc7636-pkce', 'row.require_pkce === 1', 'false'),
  mutant('stores/clients.ts', 'workers/rfc9449-dpop', 'row.require_dpop === 1', 'false'),
  mutant('stores/clients.ts', INTROSPECT, 'row.may_introspect === 1', 'true'),
  mutant('stores/refresh-tokens.ts', INTROSPECT, 'endedAt: row.ended_at', 'endedAt: null'),
  ...mutants(
    'stores/user-changes.ts',
    'node/admin-user-changes',
    ['  `DELETE FROM refresh_family WHERE user_id = ?1`,\n', ''],
    ['`DELETE FROM consent WHERE user_id = ?1`', '`DELETE FROM consent WHERE ?1 = ?1`'],
  ),
  mutant('stores/narrowing.ts', 'workers/narrowing', ' OR ${RENAMED})', ')'),
  mutant('stores/username-keys.ts', 'workers/usernames', "' ' || username", 'user_id'),
  mutant(
    'cli/session-commands.ts',
    'node/admin-external-users',
    "if (evenUnknown && idOrName !== '')",
    "if (idOrName !== '')",
  ),
  mutant('local/utf8-text.ts', 'node/admin-input', 'fatal: true', 'fatal: false'),
  mutant('cli/printable.ts', 'node/admin-input', String.raw`\p{Bidi_Control}`, ''),
  mutant('cli/d1-http.ts', 'node/admin-remote', 'writes: !queries.every(isRead)', 'writes: false'),
]
