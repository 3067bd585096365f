-- Failed sign-ins, so that guessing gets slower and slower; forgotten after a day without one.
CREATE TABLE IF NOT EXISTS sign_in_failure (
  subject        TEXT PRIMARY KEY,  -- base64url SHA-256 of the name, alone or with the address it was tried from
  failures       INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL   -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sign_in_failure_by_time ON sign_in_failure (last_failed_at);

-- What administrators did and what users agreed to. Never a row for a token.
CREATE TABLE IF NOT EXISTS audit (
  audit_id    INTEGER PRIMARY KEY,
  happened_at INTEGER NOT NULL,     -- epoch seconds
  event       TEXT NOT NULL,        -- e.g. client.created, user.disabled, consent.granted
  actor       TEXT NOT NULL,        -- administrator, or the user's id
  client_id   TEXT,
  user_id     TEXT,
  detail      TEXT NOT NULL         -- what changed; never a secret
) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (happened_at);
CREATE INDEX IF NOT EXISTS audit_by_client ON audit (client_id, happened_at) WHERE client_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_by_user ON audit (user_id, happened_at) WHERE user_id IS NOT NULL;

-- When the cron handler last ran to its end.
CREATE TABLE IF NOT EXISTS housekeeping (
  task   TEXT PRIMARY KEY,
  ran_at INTEGER NOT NULL,          -- epoch seconds
  removed INTEGER NOT NULL,
  remaining INTEGER NOT NULL        -- rows that are due and were left for the next run, at least
) STRICT, WITHOUT ROWID;
