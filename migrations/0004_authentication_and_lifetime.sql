-- A client may be registered with `client_secret`, the new default: its secret by Basic or in the body. Existing clients
-- keep their method. SQLite cannot change a CHECK, and rebuilding the table would cascade, so the column is replaced.
ALTER TABLE client ADD COLUMN new_auth_method TEXT NOT NULL DEFAULT 'client_secret'
                 CHECK (new_auth_method IN ('client_secret', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'));
UPDATE client SET new_auth_method = auth_method;
ALTER TABLE client DROP COLUMN auth_method;
ALTER TABLE client RENAME COLUMN new_auth_method TO auth_method;

-- The lifetime of a client's access tokens; NULL: SESSION_LIFETIME_SECONDS, which is also the maximum.
ALTER TABLE client ADD COLUMN access_token_lifetime_seconds INTEGER CHECK (access_token_lifetime_seconds >= 60);

-- Deletes endorsements that another one covers (cs.DL beside cs.*). An endorsement that is merely requested covers none
-- that is authorized.
DELETE FROM client_endorsement AS mine WHERE EXISTS (
  SELECT 1 FROM client_endorsement other WHERE other.client_id = mine.client_id
    AND (other.authorized_at IS NOT NULL OR mine.authorized_at IS NULL)
    AND other.category <> mine.category AND (other.category = '*.*' OR (substr(other.category, -2) = '.*'
      AND instr(mine.category || '.', substr(other.category, 1, length(other.category) - 1)) = 1)));
DELETE FROM user_endorsement AS mine WHERE EXISTS (
  SELECT 1 FROM user_endorsement other WHERE other.user_id = mine.user_id
    AND other.category <> mine.category AND (other.category = '*.*' OR (substr(other.category, -2) = '.*'
      AND instr(mine.category || '.', substr(other.category, 1, length(other.category) - 1)) = 1)));
