/** What covers what, in SQL: the rules of `domain/scope.ts` and `domain/category.ts`. */

const byPrefix = (wider: string, narrower: string, separator: string) =>
  `${wider} LIKE '%${separator}*' AND substr(${narrower} || '${separator}', 1, length(${wider}) - 1) = substr(${wider}, 1, length(${wider}) - 1)`

export const scopeCoversSql = (wider: string, narrower: string) =>
  `(${wider} = ${narrower} OR ${byPrefix(wider, narrower, ':')})`

export const categoryCoversSql = (wider: string, narrower: string) =>
  `(${wider} = ${narrower} OR ${wider} = '*.*' OR ${byPrefix(wider, narrower, '.')})`

const COVERS = `other.category <> mine.category AND ${categoryCoversSql('other.category', 'mine.category')}`

/** An endorsement that is merely requested covers none that is authorized. */
export const DROP_COVERED_CLIENT_ENDORSEMENTS = `DELETE FROM client_endorsement AS mine WHERE client_id = ?1
  AND EXISTS (SELECT 1 FROM client_endorsement other WHERE other.client_id = mine.client_id
    AND (other.authorized_at IS NOT NULL OR mine.authorized_at IS NULL) AND ${COVERS})`
export const DROP_COVERED_USER_ENDORSEMENTS = `DELETE FROM user_endorsement AS mine WHERE user_id = ?1
  AND EXISTS (SELECT 1 FROM user_endorsement other WHERE other.user_id = mine.user_id AND ${COVERS})`
