-- Failed sign-ins, which make further guesses wait longer. Deleted after a day without a failure.
CREATE TABLE IF NOT EXISTS sign_in_failure (
  subject        TEXT PRIMARY KEY,  -- base64url SHA-256 of the name, and of the network or the browser
  failures       INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL   -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sign_in_failure_by_time ON sign_in_failure (last_failed_at);
