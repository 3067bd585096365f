-- Every instant is in epoch seconds. Text ids are opaque. Tables keyed by text are WITHOUT ROWID:
-- one billed write a row instead of two.

CREATE TABLE IF NOT EXISTS client (
  client_id      TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  owner_id       TEXT NOT NULL,
  url            TEXT NOT NULL DEFAULT '',
  description    TEXT NOT NULL DEFAULT '',
  auth_method    TEXT NOT NULL DEFAULT 'client_secret_post'
                 CHECK (auth_method IN ('client_secret_post', 'client_secret_basic', 'private_key_jwt', 'none')),
  jwks           TEXT,             -- JSON Web Key Set (RFC 7517), only for private_key_jwt
  require_pkce   INTEGER NOT NULL DEFAULT 0 CHECK (require_pkce IN (0, 1)),
  require_dpop   INTEGER NOT NULL DEFAULT 0 CHECK (require_dpop IN (0, 1)),
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

-- A client has several while a secret is rotated with an overlap.
CREATE TABLE IF NOT EXISTS client_credential (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  secret_digest TEXT NOT NULL,    -- lower-case hex SHA-256 of the secret
  created_at    INTEGER NOT NULL, -- epoch seconds
  expires_at    INTEGER,          -- epoch seconds; NULL: does not expire
  last_used_at  INTEGER,          -- epoch seconds, to the day; NULL: never used
  PRIMARY KEY (client_id, secret_digest)
) STRICT, WITHOUT ROWID;

-- A row without authorized_at is a request that the operator has not authorized; it grants nothing.
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

-- user_id has no foreign key here and below: an external accounts service may have the users.
CREATE TABLE IF NOT EXISTS consent (
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  scopes      TEXT NOT NULL,    -- the exact set agreed to: sorted, space-separated
  fingerprint TEXT NOT NULL,    -- digest of what the page showed of the client
  granted_at  INTEGER NOT NULL, -- epoch seconds
  used_at     INTEGER,          -- epoch seconds of the last token it bought; NULL: none yet
  PRIMARY KEY (user_id, client_id, scopes)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS consent_by_client ON consent (client_id);

-- The ledger of codes: it ensures that each is redeemed once. KV only makes reads faster.
CREATE TABLE IF NOT EXISTS authorization_code (
  code_digest TEXT PRIMARY KEY,    -- base64url SHA-256 of the code
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id     TEXT NOT NULL,
  record      TEXT NOT NULL,       -- JSON, what the code stands for
  expires_at  INTEGER NOT NULL,    -- epoch seconds
  spent_at    INTEGER,             -- epoch seconds; NULL until redeemed
  session_key TEXT,                -- the session it bought, by its key in KV
  family_id   TEXT                 -- the refresh family it bought, if any
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS authorization_code_by_client ON authorization_code (client_id);
CREATE INDEX IF NOT EXISTS authorization_code_by_user ON authorization_code (user_id, client_id);
CREATE INDEX IF NOT EXISTS authorization_code_by_expiry ON authorization_code (expires_at);

-- A family: one authorization by one user, renewed by refresh tokens. The unit of revocation.
CREATE TABLE IF NOT EXISTS refresh_family (
  family_id    TEXT PRIMARY KEY,
  client_id    TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id      TEXT NOT NULL,
  record       TEXT NOT NULL,    -- JSON, what was granted
  started_at   INTEGER NOT NULL, -- epoch seconds
  expires_at   INTEGER NOT NULL, -- epoch seconds
  last_used_at INTEGER NOT NULL, -- epoch seconds
  ended_at     INTEGER           -- epoch seconds; NULL until ended
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_family_by_client ON refresh_family (client_id);
CREATE INDEX IF NOT EXISTS refresh_family_by_user ON refresh_family (user_id, client_id);
CREATE INDEX IF NOT EXISTS refresh_family_by_expiry ON refresh_family (expires_at);

CREATE TABLE IF NOT EXISTS refresh_token (
  token_digest TEXT PRIMARY KEY,    -- base64url SHA-256 of the token
  family_id    TEXT NOT NULL REFERENCES refresh_family ON DELETE CASCADE,
  session_key  TEXT NOT NULL,       -- the session issued with it, by its key in KV
  issued_at    INTEGER NOT NULL,    -- epoch seconds
  spent_at     INTEGER,             -- epoch seconds; NULL until exchanged
  successor    TEXT                 -- digest of the token it was exchanged for
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_token_by_family ON refresh_token (family_id, issued_at);

-- Sessions that started at or before the moment are revoked. KV only makes the check faster.
CREATE TABLE IF NOT EXISTS revocation (
  kind          TEXT NOT NULL CHECK (kind IN ('session', 'client', 'client_record', 'user', 'consent')),
  subject       TEXT NOT NULL,    -- session key; client id, twice; user id; user id, space, client id
  revoked_at_ms INTEGER NOT NULL, -- epoch milliseconds
  expires_at    INTEGER NOT NULL, -- epoch seconds; every such session has expired by then
  is_shown      INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), -- for a session: does KV show the revocation?
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revocation_by_expiry ON revocation (expires_at);
CREATE INDEX IF NOT EXISTS revocation_unshown ON revocation (subject) WHERE kind = 'session' AND is_shown = 0;

-- JWT ids that may be used once: client assertions (RFC 7523) and DPoP proofs (RFC 9449).
CREATE TABLE IF NOT EXISTS used_jti (
  jti_digest TEXT PRIMARY KEY,    -- base64url SHA-256 of the owner and the id
  expires_at INTEGER NOT NULL     -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS used_jti_by_expiry ON used_jti (expires_at);

-- The causes of refusals, for the operator, for a day.
CREATE TABLE IF NOT EXISTS refusal (
  refusal_id TEXT PRIMARY KEY,
  refused_at INTEGER NOT NULL,    -- epoch seconds
  endpoint   TEXT NOT NULL,
  error      TEXT NOT NULL,
  detail     TEXT NOT NULL,       -- never a secret
  client_id  TEXT                 -- as presented; NULL if none was presented
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refusal_by_time ON refusal (refused_at);
