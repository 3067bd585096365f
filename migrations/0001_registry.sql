-- Every instant is in epoch seconds. Text ids are opaque. Tables keyed by text are WITHOUT ROWID:
-- one billed write a row instead of two.

CREATE TABLE IF NOT EXISTS client (
  client_id      TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  owner_id       TEXT NOT NULL,
  url            TEXT NOT NULL DEFAULT '',
  description    TEXT NOT NULL DEFAULT '',
  auth_method    TEXT NOT NULL DEFAULT 'client_secret_post'
                 CHECK (auth_method IN ('client_secret_post', 'client_secret_basic', 'none')),
  require_pkce   INTEGER NOT NULL DEFAULT 0 CHECK (require_pkce IN (0, 1)),
  may_introspect INTEGER NOT NULL DEFAULT 0 CHECK (may_introspect IN (0, 1)),
  created_at     INTEGER NOT NULL, -- epoch seconds
  updated_at     INTEGER NOT NULL, -- epoch seconds
  disabled_at    INTEGER           -- epoch seconds; NULL while enabled
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS client_redirect_uri (
  client_id    TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  redirect_uri TEXT NOT NULL,
  PRIMARY KEY (client_id, redirect_uri)
) STRICT, WITHOUT ROWID;

-- Several per client, so that a secret can be rotated with an overlap.
CREATE TABLE IF NOT EXISTS client_credential (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  secret_digest TEXT NOT NULL,    -- lower-case hex SHA-256 of the secret
  created_at    INTEGER NOT NULL, -- epoch seconds
  expires_at    INTEGER,          -- epoch seconds; NULL: does not expire
  last_used_at  INTEGER,          -- epoch seconds, to the day; NULL: never used
  PRIMARY KEY (client_id, secret_digest)
) STRICT, WITHOUT ROWID;

-- Only rows with authorized_at count; the others are wishes waiting for the operator.
CREATE TABLE IF NOT EXISTS client_authorization (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  scope         TEXT NOT NULL,
  requested_at  INTEGER NOT NULL, -- epoch seconds
  authorized_at INTEGER,          -- epoch seconds; NULL: requested only
  PRIMARY KEY (client_id, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS client_grant_type (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  grant_type    TEXT NOT NULL,
  requested_at  INTEGER NOT NULL, -- epoch seconds
  authorized_at INTEGER,          -- epoch seconds; NULL: requested only
  PRIMARY KEY (client_id, grant_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS client_endorsement (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  category      TEXT NOT NULL,
  requested_at  INTEGER NOT NULL, -- epoch seconds
  authorized_at INTEGER,          -- epoch seconds; NULL: requested only
  PRIMARY KEY (client_id, category)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS user (
  user_id       TEXT PRIMARY KEY,
  username      TEXT NOT NULL COLLATE NOCASE,
  email         TEXT NOT NULL,
  password_hash TEXT NOT NULL,    -- algorithm, parameters and salt included
  created_at    INTEGER NOT NULL, -- epoch seconds
  updated_at    INTEGER NOT NULL, -- epoch seconds
  disabled_at   INTEGER           -- epoch seconds; NULL while enabled
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS user_by_username ON user (username);

CREATE TABLE IF NOT EXISTS user_scope (
  user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  scope   TEXT NOT NULL,
  PRIMARY KEY (user_id, scope)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS user_endorsement (
  user_id  TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  category TEXT NOT NULL,
  PRIMARY KEY (user_id, category)
) STRICT, WITHOUT ROWID;

-- user_id has no foreign key here and below: an external accounts service may own the users.
CREATE TABLE IF NOT EXISTS consent (
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  scopes      TEXT NOT NULL,    -- the exact set agreed to: sorted, space-separated
  fingerprint TEXT NOT NULL,    -- digest of what the page said of the client
  granted_at  INTEGER NOT NULL, -- epoch seconds
  PRIMARY KEY (user_id, client_id, scopes)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consent_by_client ON consent (client_id);

-- The ledger: what makes a code good once. KV only carries it faster.
CREATE TABLE IF NOT EXISTS authorization_code (
  code_digest TEXT PRIMARY KEY,    -- base64url SHA-256 of the code
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id     TEXT NOT NULL,
  record      TEXT NOT NULL,       -- JSON, what the code stands for
  expires_at  INTEGER NOT NULL,    -- epoch seconds
  spent_at    INTEGER,             -- epoch seconds; NULL until redeemed
  session_key TEXT                 -- the session it bought, by its key in KV
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS authorization_code_by_client ON authorization_code (client_id);
CREATE INDEX IF NOT EXISTS authorization_code_by_expiry ON authorization_code (expires_at);
