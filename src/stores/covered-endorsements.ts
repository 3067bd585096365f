/** Removes the endorsements of a client or a user that another one covers. */

import { categoryCovers } from './covering-sql.ts'

const COVERS = `other.category <> mine.category AND ${categoryCovers('other.category', 'mine.category')}`

/** What is merely requested covers nothing that is authorized. */
export const DROP_COVERED_CLIENT_ENDORSEMENTS = `DELETE FROM client_endorsement AS mine WHERE client_id = ?1
  AND EXISTS (SELECT 1 FROM client_endorsement other WHERE other.client_id = mine.client_id
    AND (other.authorized_at IS NOT NULL OR mine.authorized_at IS NULL) AND ${COVERS})`
export const DROP_COVERED_USER_ENDORSEMENTS = `DELETE FROM user_endorsement AS mine WHERE user_id = ?1
  AND EXISTS (SELECT 1 FROM user_endorsement other WHERE other.user_id = mine.user_id AND ${COVERS})`
