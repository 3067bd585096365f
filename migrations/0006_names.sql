-- The key of a username, the same for spellings that differ only in case or Unicode form. SQLite folds only ASCII, so the
-- next run of cron, or the next command that names a user, computes the keys of other names. Until then these names are
-- found by their exact spelling.
ALTER TABLE user ADD COLUMN username_key TEXT;
UPDATE user SET username_key = lower(username) WHERE username NOT GLOB '*[^ -~]*';
CREATE UNIQUE INDEX IF NOT EXISTS user_by_username_key ON user (username_key);
CREATE INDEX IF NOT EXISTS user_without_key ON user (created_at) WHERE username_key IS NULL;

CREATE INDEX IF NOT EXISTS client_by_owner ON client (owner_id, client_id);

-- Users of an external accounts service at their last consent, so that an operator can find them by name.
CREATE TABLE IF NOT EXISTS external_user (
  user_id      TEXT PRIMARY KEY,
  username_key TEXT NOT NULL,
  seen_at      INTEGER NOT NULL -- epoch seconds, to the day
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS external_user_by_name ON external_user (username_key);
CREATE INDEX IF NOT EXISTS external_user_by_time ON external_user (seen_at);
INSERT INTO external_user (user_id, username_key, seen_at)
  SELECT user_id, max(lower(coalesce(record ->> '$.user.username', ''))), unixepoch()
  FROM (SELECT user_id, record FROM refresh_family UNION ALL SELECT user_id, record FROM authorization_code) k
  WHERE NOT EXISTS (SELECT 1 FROM user u WHERE u.user_id = k.user_id)
  GROUP BY user_id;
