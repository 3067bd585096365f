/** Which scopes and categories cover which others, in SQL: the rules of `domain/scope.ts` and `domain/category.ts`. */

/** Is the scope of the form `d:a:*`, which has a hierarchy? D1 allows 50 characters in a pattern of GLOB. */
const isForEveryResource = (scope: string) =>
  `${scope} GLOB '[a-z]*:[a-z]*:[*]' AND ${scope} NOT GLOB '*:*:*:*'
    AND substr(${scope}, 1, length(${scope}) - 1) NOT GLOB '*[^a-z0-9_:-]*'`

/** `wider` is `d:a:*`: is the other scope `d:a` or `d:a:ID`? */
const isWithin = (wider: string, narrower: string) =>
  `substr(${narrower} || ':', 1, length(${wider}) - 1) = substr(${wider}, 1, length(${wider}) - 1)
    AND ${narrower} NOT GLOB '*:' AND substr(${narrower}, length(${wider})) NOT GLOB '*[^A-Za-z0-9._~/-]*'`

export const scopeCoversSql = (wider: string, narrower: string) =>
  `(${wider} = ${narrower} OR (${isForEveryResource(wider)} AND ${isWithin(wider, narrower)}))`

/** The part `d:a` of `d:a:ID`; for a scope of another form, any other text. */
const generalOf = (scope: string) =>
  `substr(${scope}, 1, instr(${scope}, ':') + instr(substr(${scope}, instr(${scope}, ':') + 1), ':') - 1)`

/** Finds a declaration as `describeScope` does, by two index searches. The registry's own scopes need no declaration. */
export const isUndeclaredSql = (scope: string) =>
  `(${scope} NOT LIKE 'registry:%' AND NOT EXISTS (SELECT 1 FROM scope d WHERE d.name IN (${scope}, ${generalOf(scope)})
    AND (d.name = ${scope} OR ${scopeCoversSql("(d.name || ':*')", scope)})))`

/** Is the narrower category in the archive of the wider one? `cs.*` covers `cs` and `cs.DL`. */
const isInArchive = (wider: string, narrower: string) =>
  `${wider} LIKE '%.*' AND substr(${narrower} || '.', 1, length(${wider}) - 1) = substr(${wider}, 1, length(${wider}) - 1)`

export const categoryCoversSql = (wider: string, narrower: string) =>
  `(${wider} = ${narrower} OR ${wider} = '*.*' OR ${isInArchive(wider, narrower)})`

const COVERS = `other.category <> mine.category AND ${categoryCoversSql('other.category', 'mine.category')}`

/** A requested endorsement covers no authorized one. */
export const DROP_COVERED_CLIENT_ENDORSEMENTS = `DELETE FROM client_endorsement AS mine WHERE client_id = ?1
  AND EXISTS (SELECT 1 FROM client_endorsement other WHERE other.client_id = mine.client_id
    AND (other.authorized_at IS NOT NULL OR mine.authorized_at IS NULL) AND ${COVERS})`
export const DROP_COVERED_USER_ENDORSEMENTS = `DELETE FROM user_endorsement AS mine WHERE user_id = ?1
  AND EXISTS (SELECT 1 FROM user_endorsement other WHERE other.user_id = mine.user_id AND ${COVERS})`
