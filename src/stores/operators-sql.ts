/** SQL: who can administer. */

import { ADMIN_SCOPE } from '../domain/registry-scopes.ts'

/** The secrets of the client `c` that have not expired. */
export const LIVE_SECRETS = `SELECT 1 FROM client_credential s
    WHERE s.client_id = c.client_id AND (s.expires_at IS NULL OR s.expires_at > unixepoch())`

/** Enabled clients that can get a token with registry:admin by themselves. */
export const OPERATORS = `FROM client_authorization a JOIN client c ON c.client_id = a.client_id
  JOIN client_grant_type g ON g.client_id = c.client_id AND g.grant_type = 'client_credentials' AND g.authorized_at IS NOT NULL
  WHERE a.scope = '${ADMIN_SCOPE}' AND a.authorized_at IS NOT NULL AND c.disabled_at IS NULL
    AND (c.jwks IS NOT NULL OR EXISTS (${LIVE_SECRETS}))`

/** Enabled users with registry:admin. */
export const ADMINISTRATORS = `FROM user_scope h JOIN user u ON u.user_id = h.user_id
  WHERE h.scope = '${ADMIN_SCOPE}' AND u.disabled_at IS NULL`
