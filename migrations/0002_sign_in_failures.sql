-- Failed sign-ins, of users and of clients, so that guessing gets slower and slower; forgotten after a day without one.
CREATE TABLE IF NOT EXISTS sign_in_failure (
  subject        TEXT PRIMARY KEY,  -- base64url SHA-256 of whom it was tried for, and from where
  failures       INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL   -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sign_in_failure_by_time ON sign_in_failure (last_failed_at);
