-- One consent per user and client: the latest answer replaces the earlier ones. Which of several rows was the latest is
-- not recorded, and what the user was shown of owner and description neither. So no row from before answers for the
-- user any more: each user is asked once again. The rows stay for the page where consent is taken back, with all that
-- may have been issued on them.

DROP INDEX consent_by_client;
ALTER TABLE consent RENAME TO consent_by_scopes;

-- user_id has no foreign key: an external accounts service may own the users.
CREATE TABLE IF NOT EXISTS consent (
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  scopes      TEXT NOT NULL,    -- the exact set last agreed to: sorted, space-separated
  fingerprint TEXT NOT NULL,    -- digest of the terms agreed to; '' when they do not answer for the user any more
  granted_at  INTEGER NOT NULL, -- epoch seconds of the first answer since it was last removed
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

-- The position in the consents had three parts.
UPDATE housekeeping SET position = NULL WHERE task = 'consent';
