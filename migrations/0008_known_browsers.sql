-- Browsers from which a user has signed in: failures of strangers do not make them wait. At most 20 for each user. With
-- the session of the last sign-in, so that it can be ended before KV shows it.
CREATE TABLE IF NOT EXISTS known_browser (
  browser_digest  TEXT NOT NULL,    -- base64url SHA-256 of the browser's cookie
  user_id         TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  expires_at      INTEGER NOT NULL, -- epoch seconds
  session_key     TEXT NOT NULL,    -- by its key in KV
  session_ends_at INTEGER NOT NULL, -- epoch seconds
  PRIMARY KEY (browser_digest, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS known_browser_by_user ON known_browser (user_id, expires_at);
CREATE INDEX IF NOT EXISTS known_browser_by_session ON known_browser (session_key);
