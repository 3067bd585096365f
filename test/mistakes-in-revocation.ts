/** Mistakes in what ends, when, and who hears of it, for `test/mutants.ts`. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the source has these placeholders

import { type Mutant, mutant, mutants } from './mutant.ts'

const ACCOUNT = 'workers/account'
const ADMIN = 'node/admin-revocation'
const DOCUMENT = 'workers/revocation-document'
const NARROWING = 'workers/narrowing'
const RACES = 'workers/revocation-races'
const REFRESH = 'workers/rfc6749-refresh'
const REVOCATION = 'workers/revocation'
const REVOKE_OLD = 'workers/revocation-of-old-records'

export const MISTAKES_IN_REVOCATION: readonly Mutant[] = [
  ...mutants(
    'stores/revocation-statements.ts',
    REVOCATION,
    [
      'DO UPDATE SET revoked_at_ms = max(revoked_at_ms, excluded.revoked_at_ms)',
      'DO UPDATE SET revoked_at_ms = revoked_at_ms',
    ],
    ['\n    expires_at = max(expires_at, excluded.expires_at)`', '\n    expires_at = expires_at`'],
    ['revoked_at_ms = max(revoked_at_ms,', 'revoked_at_ms = max(0,'],
    ['expires_at = max(expires_at,', 'expires_at = max(0,'],
  ),
  ...mutants(
    'stores/revocation-statements.ts',
    ACCOUNT,
    ["OF_CONSENT = 'user_id = ?1 AND client_id = ?2'", "OF_CONSENT = 'user_id = ?1 AND ?2 = ?2'"],
    ['families: db.prepare(families).bind(...ids),', "families: db.prepare('SELECT 1'),"],
    ['codes: db.prepare(codes).bind(...ids),', "codes: db.prepare('SELECT 1'),"],
  ),
  mutant(
    'stores/revocation-statements.ts',
    REFRESH,
    'WHERE family_id = ?1 AND issued_at > ${D1_NOW} - CAST(?2 AS INTEGER) ${OR_LATER}`',
    'WHERE ?1 = ?1 AND issued_at > ${D1_NOW} - CAST(?2 AS INTEGER) ${OR_LATER}`',
  ),
  ...mutants(
    'stores/revocations.ts',
    REVOCATION,
    ['Math.max(MIN_TTL_SECONDS, secondsLeft)', 'secondsLeft'],
    ["kind = 'session' AND is_shown = 0 LIMIT", "kind = 'session' AND is_shown = 1 LIMIT"],
    ['await repairDocument(db, sessions)', ''],
    ['row.is_settled === 1', 'true'],
    ['WHERE r.revoked_at_ms >= j.value ->> 2', 'WHERE r.revoked_at_ms > j.value ->> 2'],
    [
      "WHERE kind = 'session' AND subject = ?1\n  UNION ALL",
      "WHERE kind = 'session' AND subject = ?1 AND is_shown = 1\n  UNION ALL",
    ],
  ),
  ...mutants(
    'stores/revocations.ts',
    REFRESH,
    ['db.prepare(REVOKE_SESSIONS_OF_FAMILY).bind(familyId, keptSeconds),', ''],
    ['db.prepare(END_FAMILY).bind(familyId),', ''],
  ),
  ...mutants(
    'stores/revocations.ts',
    ACCOUNT,
    ['db.prepare(FORGET_CONSENT).bind(userId, clientId),', ''],
    [
      'DELETE FROM consent WHERE user_id = ?1 AND client_id = ?2',
      'DELETE FROM consent WHERE user_id = ?1 AND ?2 = ?2',
    ],
  ),
  mutant(
    'stores/revocation-document.ts',
    REVOCATION,
    'Math.max(longest, seconds_left)',
    'longest + 1',
  ),
  ...mutants(
    'stores/revocation-document.ts',
    DOCUMENT,
    ['if ((await findVersion(db)) === first.version) return true', 'if (first) return true'],
    ['if (text === null || parseDocument(text)) return', 'return'],
  ),
  ...mutants(
    'stores/live-sessions.ts',
    REVOCATION,
    ['if (isOver) remember(key)', ''],
    ["if (found === 'tombstone') remember(key)", ''],
    ['(immediate && (await isRevokedInTruth(key, session)))', 'false'],
    ['isRevokedBy(known.document, session) || ', ''],
    [
      "if (!db) throw new Error('revocation: immediate needs the database DB bound')",
      'if (!db) return false',
    ],
  ),
  ...mutants(
    'stores/live-sessions.ts',
    DOCUMENT,
    ["if (!read) throw new Error('the document", "if (false) throw new Error('the document"],
    ['newerDocument(known.document, read)', 'read'],
  ),
  ...mutants(
    'stores/shared-read.ts',
    DOCUMENT,
    ['this.#underWay = hasSucceeded\n    try', 'this.#underWay = null\n    try'],
    ['() => false,', '() => true,'],
    ['resolve(false), milliseconds', 'resolve(false), 60 * milliseconds'],
  ),
  ...mutants(
    'domain/revocation.ts',
    DOCUMENT,
    ['return read.version > known.version ? read : known', 'return read'],
    ['Math.max(moment, moments.get(subject) ?? moment)', 'moment'],
    ['return isRecord(moments) && Object', 'return !isRecord(moments) || Object'],
    ['Object.values(moments).every(isMoment)', 'true'],
  ),
  ...mutants(
    'stores/client-cache.ts',
    RACES,
    ['found.client.readAtMs + Math.max(0, nowMs - found.heardAtMs)', 'nowMs'],
    ['Math.max(0, nowMs - found.heardAtMs)', '0'],
  ),
  mutant(
    'flows/issue-access-token.ts',
    RACES,
    'Math.min(caller.asOfMs, holding.user?.readAtMs ?? caller.asOfMs)',
    'nowMs',
  ),
  mutant('flows/sign-in.ts', RACES, 'asOfMs: user.readAtMs', 'asOfMs: nowMs'),
  mutant('stores/codes.ts', RACES, 'WHERE r.revoked_at_ms >= ?7', 'WHERE false AND ?7'),
  mutant('domain/revocation.ts', RACES, 'Date.parse(as_of)', 'Date.parse(start_time)'),
  mutant('stores/client-registry.ts', ADMIN, '= 0, -${CLOCKS_DIFFER_SECONDS},', '= 0, 0,'),
  mutant(
    'cli/act.ts',
    REVOKE_OLD,
    "{ kind: 'client_record', clientId: id }, lastOfRecord(act))",
    "{ kind: 'client', clientId: id }, lastOfRecord(act))",
  ),
  ...mutants(
    'stores/narrowing.ts',
    NARROWING,
    [' AND h.authorized_at IS NOT NULL`', '`'],
    ['lost(CLIENT_SCOPES, how),\n    ', ''],
    ['lost(CLIENT_ENDORSEMENTS, how),\n', ''],
    ['lost(CLIENT_GRANTS, how),\n    uri', 'uri'],
    [" AND h.grant_type <> 'client_credentials'", ''],
    ['(${grantOfUser} OR ${uri})', '${grantOfUser}'],
    ['NOT IN (SELECT value FROM ${listed})`', 'IN (SELECT value FROM ${listed})`'],
    ["NOT LIKE 'client_secret%')", "LIKE 'client_secret%')"],
    ['k.value NOT IN', 'k.value IN'],
  ),
  ...mutants(
    'stores/covering-sql.ts',
    NARROWING,
    [" OR ${byPrefix(wider, narrower, ':')}", ''],
    [" OR ${wider} = '*.*' OR ", ' OR '],
  ),
]
