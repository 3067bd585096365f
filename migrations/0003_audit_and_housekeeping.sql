-- Acts of administrators, and consents that users gave or removed; never a row for a token. No foreign keys: a row
-- outlives its client and user.
CREATE TABLE IF NOT EXISTS audit (
  audit_id    INTEGER PRIMARY KEY,
  happened_at INTEGER NOT NULL, -- epoch seconds
  actor       TEXT NOT NULL,    -- 'administrator', with the account's name on that machine; or 'user:' and the user's id
  event       TEXT NOT NULL,    -- as in 'client.create'
  client_id   TEXT,
  user_id     TEXT,
  detail      TEXT NOT NULL     -- JSON of what changed: never a secret, a token or the digest of one
) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (happened_at);
CREATE INDEX IF NOT EXISTS audit_by_event ON audit (event, happened_at);
CREATE INDEX IF NOT EXISTS audit_by_client ON audit (client_id, happened_at) WHERE client_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_by_user ON audit (user_id, happened_at) WHERE user_id IS NOT NULL;

-- The progress of housekeeping: a row for each task.
CREATE TABLE IF NOT EXISTS housekeeping (
  task      TEXT PRIMARY KEY,
  position  TEXT,             -- where the next run continues; NULL: from the beginning
  ran_at    INTEGER NOT NULL, -- epoch seconds
  removed   INTEGER NOT NULL, -- rows, in the last run
  left_over INTEGER NOT NULL  -- expired rows that the last run left for the next
) STRICT, WITHOUT ROWID;
