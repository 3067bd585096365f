-- One consent per user and client: the latest answer replaces the earlier ones. Old rows do not say which was the latest
-- or which owner and description the user saw. So no old row answers for the user, and each user is asked once more. The
-- old rows stay on the page on which a user removes consents, with all scopes that may have been issued.

DROP INDEX consent_by_client;
ALTER TABLE consent RENAME TO consent_by_scopes;

-- user_id has no foreign key: an external accounts service may have the users.
CREATE TABLE IF NOT EXISTS consent (
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  scopes      TEXT NOT NULL,    -- the exact set last agreed to: sorted, space-separated
  fingerprint TEXT NOT NULL,    -- digest of the terms agreed to; '' if they no longer answer for the user
  granted_at  INTEGER NOT NULL, -- epoch seconds of the first answer since the last removal
  used_at     INTEGER,          -- epoch seconds of the last token it bought; NULL: none yet
  PRIMARY KEY (user_id, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consent_by_client ON consent (client_id);

INSERT INTO consent (user_id, client_id, scopes, fingerprint, granted_at, used_at)
SELECT user_id, client_id,
  (SELECT group_concat(value, ' ') FROM (SELECT DISTINCT j.value
    FROM consent_by_scopes s, json_each('["' || replace(s.scopes, ' ', '","') || '"]') j
    WHERE s.user_id = o.user_id AND s.client_id = o.client_id ORDER BY j.value)),
  '', min(granted_at), max(used_at)
FROM consent_by_scopes o GROUP BY user_id, client_id;

DROP TABLE consent_by_scopes;

-- Positions of the consents' sweep had three parts before.
UPDATE housekeeping SET position = NULL WHERE task = 'consent';
