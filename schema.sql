-- Every instant is in epoch seconds. Text ids are opaque. Tables keyed by text are WITHOUT ROWID:
-- one billed write a row instead of two.

CREATE TABLE IF NOT EXISTS client (
  client_id      TEXT PRIMARY KEY,
  name           TEXT NOT NULL,
  owner_id       TEXT NOT NULL,
  url            TEXT NOT NULL DEFAULT '',
  description    TEXT NOT NULL DEFAULT '',
  jwks           TEXT,             -- JSON Web Key Set (RFC 7517), only for private_key_jwt
  require_pkce   INTEGER NOT NULL DEFAULT 0 CHECK (require_pkce IN (0, 1)),
  require_dpop   INTEGER NOT NULL DEFAULT 0 CHECK (require_dpop IN (0, 1)),
  may_introspect INTEGER NOT NULL DEFAULT 0 CHECK (may_introspect IN (0, 1)),
  created_at     INTEGER NOT NULL, -- epoch seconds
  updated_at     INTEGER NOT NULL, -- epoch seconds
  disabled_at    INTEGER,          -- epoch seconds; NULL while enabled
  -- client_secret allows Basic and the body; each other value allows one method.
  auth_method    TEXT NOT NULL DEFAULT 'client_secret'
                 CHECK (auth_method IN ('client_secret', 'client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
  -- NULL: SESSION_LIFETIME_SECONDS, which is also the maximum.
  access_token_lifetime_seconds INTEGER CHECK (access_token_lifetime_seconds >= 60),
  version        INTEGER NOT NULL DEFAULT 0, -- raised by every act of an administrator or owner; at least its epoch milliseconds
  -- What the client says of itself (RFC 7591), for people.
  logo_uri         TEXT NOT NULL DEFAULT '',
  tos_uri          TEXT NOT NULL DEFAULT '',
  policy_uri       TEXT NOT NULL DEFAULT '',
  contacts         TEXT NOT NULL DEFAULT '[]', -- JSON list of addresses
  software_id      TEXT NOT NULL DEFAULT '',
  software_version TEXT NOT NULL DEFAULT '',
  application_type TEXT NOT NULL DEFAULT 'web' CHECK (application_type IN ('web', 'native')),
  jwks_uri         TEXT NOT NULL DEFAULT '', -- where the keys of private_key_jwt are published: jwks is what was last read there
  -- May an owner enable it again? 1 only while an owner, and no administrator, has disabled it.
  disabled_by_owner INTEGER NOT NULL DEFAULT 0 CHECK (disabled_by_owner IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS client_by_owner ON client (owner_id, client_id);

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
  -- Authorized because clients that register themselves may have the scope, and by no operator.
  self_registered INTEGER NOT NULL DEFAULT 0 CHECK (self_registered IN (0, 1)),
  PRIMARY KEY (client_id, scope)
) STRICT, WITHOUT ROWID;
-- For the deletion of a scope.
CREATE INDEX IF NOT EXISTS client_authorization_by_scope ON client_authorization (scope, client_id);

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
  disabled_at   INTEGER,          -- epoch seconds; NULL while enabled
  username_key  TEXT,             -- the same for all spellings; NULL until it is computed for an old row
  version       INTEGER NOT NULL DEFAULT 0 -- as a client's
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS user_by_username ON user (username);
CREATE UNIQUE INDEX IF NOT EXISTS user_by_username_key ON user (username_key);
CREATE INDEX IF NOT EXISTS user_without_key ON user (created_at) WHERE username_key IS NULL;

CREATE TABLE IF NOT EXISTS user_scope (
  user_id TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  scope   TEXT NOT NULL,
  PRIMARY KEY (user_id, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS user_scope_by_scope ON user_scope (scope, user_id);

CREATE TABLE IF NOT EXISTS user_endorsement (
  user_id  TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  category TEXT NOT NULL,
  PRIMARY KEY (user_id, category)
) STRICT, WITHOUT ROWID;

-- Users of an external accounts service at their last consent or registration of a client, so that they are found by name.
CREATE TABLE IF NOT EXISTS external_user (
  user_id      TEXT PRIMARY KEY,
  username_key TEXT NOT NULL,
  seen_at      INTEGER NOT NULL -- epoch seconds, to the day
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS external_user_by_name ON external_user (username_key);
CREATE INDEX IF NOT EXISTS external_user_by_time ON external_user (seen_at);

-- user_id has no foreign key here and below: an external accounts service may have the users.
CREATE TABLE IF NOT EXISTS consent (
  user_id     TEXT NOT NULL,
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  scopes      TEXT NOT NULL,    -- the exact set last agreed to: sorted, space-separated
  fingerprint TEXT NOT NULL,    -- digest of the terms agreed to; '' if they no longer answer for the user
  granted_at  INTEGER NOT NULL, -- epoch seconds of the first answer since the last removal
  used_at     INTEGER,          -- epoch seconds of the last token it bought; NULL: none yet
  resources   TEXT NOT NULL DEFAULT '', -- the URIs of the resources agreed to: sorted, space-separated; '' for none
  endorsements TEXT,            -- those last agreed to, space-separated; NULL: all, from before they could be unticked
  PRIMARY KEY (user_id, client_id)
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
  ended_at     INTEGER,          -- epoch seconds; NULL until ended
  idle_expires_at INTEGER        -- epoch seconds, moved by each refresh; NULL: none has happened since there is such an end
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
  successor    TEXT,                -- digest of the token it was exchanged for
  salt         TEXT,                -- derives it from the token before it; NULL for the first of a family, and once spent
  scopes       TEXT,                -- what was requested for its access token: space-separated; NULL without a salt
  answers      INTEGER NOT NULL DEFAULT 1, -- responses with it, sent or under way
  resources    TEXT                 -- as scopes: URIs, space-separated
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_token_by_family ON refresh_token (family_id, issued_at);

-- Sessions that started at or before the moment are revoked. KV only makes the check faster. A token is a signed access
-- token, by the digest of its jti, which the columns session_key of codes and refresh tokens hold too.
CREATE TABLE IF NOT EXISTS revocation (
  kind          TEXT NOT NULL CHECK (kind IN ('session', 'token', 'client', 'client_record', 'user', 'consent', 'resource')),
  subject       TEXT NOT NULL,    -- session key, twice; client id, twice; user id; user id, space, client id; URI
  revoked_at_ms INTEGER NOT NULL, -- epoch milliseconds
  expires_at    INTEGER NOT NULL, -- epoch seconds; every such session has expired by then
  is_shown      INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), -- for a session: does KV show the revocation?
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS revocation_by_expiry ON revocation (expires_at);
CREATE INDEX IF NOT EXISTS revocation_unshown ON revocation (subject) WHERE kind = 'session' AND is_shown = 0;

-- The version of all bulk revocations: readers of their document in KV use the newest version. It is at least the moment
-- of the change in epoch milliseconds, so that it also grows after the database was restored from a backup.
CREATE TABLE IF NOT EXISTS revocation_version (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO revocation_version (one, version) VALUES (1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
  ON CONFLICT DO NOTHING;
CREATE TRIGGER IF NOT EXISTS revocation_added AFTER INSERT ON revocation WHEN NEW.kind <> 'session' BEGIN
  UPDATE revocation_version SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) WHERE one = 1;
END;
CREATE TRIGGER IF NOT EXISTS revocation_moved AFTER UPDATE OF revoked_at_ms ON revocation WHEN NEW.kind <> 'session' BEGIN
  UPDATE revocation_version SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) WHERE one = 1;
END;

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

-- Failed sign-ins, which make further guesses wait longer. Deleted after a day without a failure.
CREATE TABLE IF NOT EXISTS sign_in_failure (
  subject        TEXT PRIMARY KEY,  -- base64url SHA-256 of the name, and of the network or the browser
  failures       INTEGER NOT NULL,
  last_failed_at INTEGER NOT NULL   -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sign_in_failure_by_time ON sign_in_failure (last_failed_at);

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

-- Invitations: links with which a user sets a password. The table decides that each is used once: changing used_at a second
-- time, after expires_at or while the user is disabled fails the whole batch.
CREATE TABLE IF NOT EXISTS invitation (
  invitation_digest TEXT PRIMARY KEY, -- base64url SHA-256 of the invitation
  user_id           TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  created_at        INTEGER NOT NULL, -- epoch seconds
  expires_at        INTEGER NOT NULL, -- epoch seconds; moved back to end an invitation early
  used_at           INTEGER           -- epoch seconds; NULL until a password was set with it
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS invitation_by_user ON invitation (user_id);
CREATE INDEX IF NOT EXISTS invitation_by_expiry ON invitation (expires_at);
CREATE TRIGGER IF NOT EXISTS invitation_used_once BEFORE UPDATE OF used_at ON invitation
WHEN OLD.used_at IS NOT NULL OR OLD.expires_at <= unixepoch()
  OR EXISTS (SELECT 1 FROM user u WHERE u.user_id = OLD.user_id AND u.disabled_at IS NOT NULL) BEGIN
  SELECT RAISE(ABORT, 'the invitation is not open');
END;
-- An invitation that was made before such a change must not undo it, or reach the wrong person.
CREATE TRIGGER IF NOT EXISTS invitation_ended_by_user AFTER UPDATE OF password_hash, email, disabled_at ON user
WHEN OLD.password_hash <> NEW.password_hash OR OLD.email <> NEW.email OR OLD.disabled_at IS NOT NEW.disabled_at BEGIN
  UPDATE invitation SET expires_at = min(expires_at, unixepoch()) WHERE user_id = NEW.user_id AND used_at IS NULL;
END;
-- A lesser operator who made the invitation must not get the new scope by it.
CREATE TRIGGER IF NOT EXISTS invitation_ended_by_scope AFTER INSERT ON user_scope WHEN NEW.scope GLOB 'registry:*' BEGIN
  UPDATE invitation SET expires_at = min(expires_at, unixepoch()) WHERE user_id = NEW.user_id AND used_at IS NULL;
END;

-- Acts of administrators, and consents that users gave or removed; never a row for a token. No foreign keys: a row
-- outlives its client and user.
CREATE TABLE IF NOT EXISTS audit (
  audit_id    INTEGER PRIMARY KEY,
  happened_at INTEGER NOT NULL, -- epoch seconds
  actor       TEXT NOT NULL,    -- 'administrator', with the account's name on that machine; 'user:' and the user's id; or 'invitation'
  event       TEXT NOT NULL,    -- as in 'client.create'
  client_id   TEXT,
  user_id     TEXT,
  detail      TEXT NOT NULL     -- JSON of what changed: never a secret, a token or the digest of one
) STRICT;
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (happened_at);
CREATE INDEX IF NOT EXISTS audit_by_event ON audit (event, happened_at);
CREATE INDEX IF NOT EXISTS audit_by_client ON audit (client_id, happened_at) WHERE client_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS audit_by_user ON audit (user_id, happened_at) WHERE user_id IS NOT NULL;
-- The history of a client, without the consents of its users.
CREATE INDEX IF NOT EXISTS audit_of_client ON audit (client_id, audit_id) WHERE event GLOB 'client.*';

-- The progress of housekeeping: a row for each task.
CREATE TABLE IF NOT EXISTS housekeeping (
  task      TEXT PRIMARY KEY,
  position  TEXT,             -- where the next run continues; NULL: from the beginning
  ran_at    INTEGER NOT NULL, -- epoch seconds
  removed   INTEGER NOT NULL, -- rows, in the last run
  left_over INTEGER NOT NULL  -- expired rows that the last run left for the next
) STRICT, WITHOUT ROWID;

-- What an operator has declared of scopes. A scope that is not declared works too, and is named by itself on the pages.
CREATE TABLE IF NOT EXISTS scope (
  name            TEXT PRIMARY KEY,
  sentence        TEXT NOT NULL,    -- what it allows, for people
  -- May clients that register themselves have it without approval?
  self_registered INTEGER NOT NULL DEFAULT 0 CHECK (self_registered IN (0, 1)),
  -- Marked on the consent page, and consent to it is never remembered.
  sensitive       INTEGER NOT NULL DEFAULT 0 CHECK (sensitive IN (0, 1)),
  version         INTEGER NOT NULL, -- at least the epoch milliseconds of the change
  created_at      INTEGER NOT NULL, -- epoch seconds
  updated_at      INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;

-- Titles of archives (cs) and categories (cs.DL), for people.
CREATE TABLE IF NOT EXISTS category (
  name  TEXT PRIMARY KEY,
  title TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Both are read as a whole, so their size is bounded.
CREATE TRIGGER IF NOT EXISTS scope_limit AFTER INSERT ON scope WHEN (SELECT count(*) FROM scope) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;
CREATE TRIGGER IF NOT EXISTS category_limit AFTER INSERT ON category WHEN (SELECT count(*) FROM category) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;

-- Resources (RFC 8707): what tokens are for.
CREATE TABLE IF NOT EXISTS resource (
  uri          TEXT PRIMARY KEY, -- canonical: scheme and host in lower case, no default port
  name         TEXT NOT NULL,    -- for people
  scopes       TEXT NOT NULL,    -- JSON list of the scopes that belong to it
  access_token_lifetime_seconds INTEGER NOT NULL CHECK (access_token_lifetime_seconds >= 60),
  require_dpop INTEGER NOT NULL DEFAULT 0 CHECK (require_dpop IN (0, 1)),
  require_pkce INTEGER NOT NULL DEFAULT 0 CHECK (require_pkce IN (0, 1)),
  -- Epoch milliseconds. What was granted earlier is not for this resource, but for one that was deleted.
  declared_at_ms INTEGER NOT NULL,
  version      INTEGER NOT NULL, -- at least the epoch milliseconds of the change
  created_at   INTEGER NOT NULL, -- epoch seconds
  updated_at   INTEGER NOT NULL, -- epoch seconds
  -- May clients that registered themselves get tokens for it without approval?
  self_registered INTEGER NOT NULL DEFAULT 0 CHECK (self_registered IN (0, 1)),
  token_format TEXT NOT NULL DEFAULT 'opaque' CHECK (token_format IN ('opaque', 'jwt'))
) STRICT, WITHOUT ROWID;

-- The metadata list all of them.
CREATE TRIGGER IF NOT EXISTS resource_limit AFTER INSERT ON resource WHEN (SELECT count(*) FROM resource) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;

-- What a client's tokens are for where a request names no resource. A default resource cannot be deleted: without it the
-- client would get tokens that are bound to none.
CREATE TABLE IF NOT EXISTS client_default_resource (
  client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  uri       TEXT NOT NULL REFERENCES resource,
  PRIMARY KEY (client_id, uri)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS client_default_resource_by_uri ON client_default_resource (uri);

-- Hosts of client metadata documents that an operator allows or blocks.
CREATE TABLE IF NOT EXISTS document_host (
  host       TEXT PRIMARY KEY, -- ASCII, lower case; *.DOMAIN for all hosts below the domain
  rule       TEXT NOT NULL CHECK (rule IN ('allow', 'block')), -- block counts where both cover a host
  version    INTEGER NOT NULL, -- at least the epoch milliseconds of the change
  created_at INTEGER NOT NULL, -- epoch seconds
  updated_at INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS document_host_limit AFTER INSERT ON document_host WHEN (SELECT count(*) FROM document_host) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;

-- Clients that registered themselves.
CREATE TABLE IF NOT EXISTS self_registered_client (
  client_id  TEXT PRIMARY KEY REFERENCES client ON DELETE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('document', 'registration')),
  created_at INTEGER NOT NULL, -- epoch seconds
  used_at    INTEGER,          -- epoch seconds, to the day, of the last token; NULL: none yet
  unused_at  INTEGER           -- epoch seconds, when it was disabled because it was not used; NULL: it was not
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS registration_in_use ON self_registered_client (used_at)
  WHERE kind = 'registration' AND unused_at IS NULL AND used_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS registration_unused ON self_registered_client (unused_at) WHERE unused_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS self_registered_client_by_use ON self_registered_client (kind, used_at, created_at);

-- One write a day at most, in the batch that issues the token.
CREATE TRIGGER IF NOT EXISTS code_used_client AFTER UPDATE OF spent_at ON authorization_code
WHEN OLD.spent_at IS NULL AND NEW.session_key <> '' BEGIN
  UPDATE self_registered_client SET used_at = unixepoch() / 86400 * 86400
    WHERE client_id = NEW.client_id AND coalesce(used_at, 0) < unixepoch() / 86400 * 86400;
END;
CREATE TRIGGER IF NOT EXISTS family_used_client AFTER UPDATE OF last_used_at ON refresh_family BEGIN
  UPDATE self_registered_client SET used_at = unixepoch() / 86400 * 86400
    WHERE client_id = NEW.client_id AND coalesce(used_at, 0) < unixepoch() / 86400 * 86400;
END;
CREATE TRIGGER IF NOT EXISTS secret_used_client AFTER UPDATE OF last_used_at ON client_credential BEGIN
  UPDATE self_registered_client SET used_at = unixepoch() / 86400 * 86400
    WHERE client_id = NEW.client_id AND coalesce(used_at, 0) < unixepoch() / 86400 * 86400;
END;

-- What is kept of a registration by request (RFC 7591), and the token with which the client manages it (RFC 7592).
CREATE TABLE IF NOT EXISTS client_registration (
  client_id       TEXT PRIMARY KEY REFERENCES self_registered_client ON DELETE CASCADE,
  request_digest  TEXT, -- base64url SHA-256 of the network and the request; NULL: another request is no duplicate of it
  token_digest    TEXT, -- base64url SHA-256 of the registration access token; NULL: there is none
  token_salt      TEXT, -- derives it from the token before it; NULL for the first
  previous_digest TEXT  -- of the token before it, which is good until this one is used
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS client_registration_by_request ON client_registration (request_digest);

-- Open registrations in the present hour of each network, and in the present day. Requests in the present hour of each owner
-- and of each client that registered itself. The CHECK is the limit.
CREATE TABLE IF NOT EXISTS registration_count (
  subject    TEXT PRIMARY KEY, -- base64url SHA-256 of the network; '' for the whole registry; who requests, as in the audit
  began_at   INTEGER NOT NULL, -- epoch seconds
  registered INTEGER NOT NULL,
  most       INTEGER NOT NULL, -- the limit at the last of them
  CONSTRAINT registration_limit CHECK (registered <= most)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS registration_count_by_time ON registration_count (began_at);

-- Images of clients: one for each address, kept while a client names the address.
CREATE TABLE IF NOT EXISTS logo (
  logo_uri   TEXT PRIMARY KEY,
  host       TEXT NOT NULL,    -- of the address
  tried_at   INTEGER NOT NULL, -- epoch seconds of the last attempt to fetch it
  digest     TEXT,             -- base64url SHA-256 of the image; NULL until it was fetched
  media_type TEXT,             -- by its first bytes; NULL until it was fetched
  image      BLOB
) STRICT;
CREATE INDEX IF NOT EXISTS logo_by_digest ON logo (digest) WHERE digest IS NOT NULL;
CREATE INDEX IF NOT EXISTS logo_by_host ON logo (host, tried_at);
CREATE INDEX IF NOT EXISTS client_by_logo ON client (logo_uri) WHERE logo_uri <> '';
-- Bounds the storage: 64 KiB each.
CREATE TRIGGER IF NOT EXISTS logo_limit BEFORE INSERT ON logo WHEN (SELECT count(*) FROM logo) >= 1000 BEGIN
  SELECT RAISE(IGNORE);
END;
CREATE TRIGGER IF NOT EXISTS logo_unnamed AFTER UPDATE OF logo_uri ON client
WHEN OLD.logo_uri <> '' AND OLD.logo_uri <> NEW.logo_uri AND NOT EXISTS (SELECT 1 FROM client c WHERE c.logo_uri = OLD.logo_uri) BEGIN
  DELETE FROM logo WHERE logo_uri = OLD.logo_uri;
END;
CREATE TRIGGER IF NOT EXISTS logo_of_deleted AFTER DELETE ON client
WHEN OLD.logo_uri <> '' AND NOT EXISTS (SELECT 1 FROM client c WHERE c.logo_uri = OLD.logo_uri) BEGIN
  DELETE FROM logo WHERE logo_uri = OLD.logo_uri;
END;

-- What is kept of client metadata documents beside their clients.
CREATE TABLE IF NOT EXISTS client_document (
  client_id   TEXT PRIMARY KEY REFERENCES self_registered_client ON DELETE CASCADE,
  hosts       TEXT NOT NULL,    -- JSON list: the host of its address, and the wildcards of document_host that cover it
  asked       TEXT NOT NULL,    -- JSON object: the scopes and grant types that it asked for
  fetched_at  INTEGER NOT NULL, -- epoch seconds
  fresh_until INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;

-- The last attempt to read at a host, until it has succeeded. Nothing is asked at a host more often than this table allows.
CREATE TABLE IF NOT EXISTS document_attempt (
  host            TEXT PRIMARY KEY,
  attempted_at_ms INTEGER NOT NULL -- epoch milliseconds
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS document_attempt_by_time ON document_attempt (attempted_at_ms);

-- An insertion into this view writes nothing. It fails the batch unless the record has the version.
CREATE VIEW IF NOT EXISTS expected_version (kind, id, version) AS
  SELECT 'client', client_id, version FROM client
  UNION ALL SELECT 'user', user_id, version FROM user
  UNION ALL SELECT 'scope', name, version FROM scope
  UNION ALL SELECT 'resource', uri, version FROM resource
  UNION ALL SELECT 'document_host', host, version FROM document_host;
CREATE TRIGGER IF NOT EXISTS version_is_expected INSTEAD OF INSERT ON expected_version
WHEN NOT EXISTS (SELECT 1 FROM expected_version e
  WHERE e.kind = NEW.kind AND e.id = NEW.id AND e.version = CAST(NEW.version AS INTEGER)) BEGIN
  SELECT RAISE(ABORT, 'stale version');
END;

-- Owners beside client.owner_id, who is not among them. No foreign key to user: an external accounts service may have the users.
CREATE TABLE IF NOT EXISTS client_owner (
  client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id   TEXT NOT NULL,
  added_at  INTEGER NOT NULL, -- epoch seconds
  PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS client_owner_by_user ON client_owner (user_id, client_id);

-- Users to whom an owner offered a client. A row gives no right: only client_owner does, after the user has accepted.
CREATE TABLE IF NOT EXISTS client_owner_offer (
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id     TEXT NOT NULL,
  offered_by  TEXT NOT NULL,    -- the user id of an owner
  offered_at  INTEGER NOT NULL, -- epoch seconds
  declined_at INTEGER,          -- epoch seconds; NULL: not answered
  PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS client_owner_offer_by_user ON client_owner_offer (user_id, client_id);
-- No offer to an owner, and no open offer by a user who is not an owner any more. A change of the first owner writes client first.
CREATE TRIGGER IF NOT EXISTS client_owner_added AFTER INSERT ON client_owner BEGIN
  DELETE FROM client_owner_offer WHERE client_id = NEW.client_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER IF NOT EXISTS client_owner_removed AFTER DELETE ON client_owner BEGIN
  DELETE FROM client_owner_offer WHERE client_id = OLD.client_id AND offered_by = OLD.user_id AND declined_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM client c WHERE c.client_id = OLD.client_id AND c.owner_id = OLD.user_id);
END;
CREATE TRIGGER IF NOT EXISTS client_owner_changed AFTER UPDATE OF owner_id ON client WHEN OLD.owner_id <> NEW.owner_id BEGIN
  DELETE FROM client_owner WHERE client_id = NEW.client_id AND user_id = NEW.owner_id;
  DELETE FROM client_owner_offer WHERE client_id = NEW.client_id AND (user_id = NEW.owner_id
    OR offered_by = OLD.owner_id AND declined_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM client_owner o WHERE o.client_id = NEW.client_id AND o.user_id = OLD.owner_id));
END;

-- Who was an owner once: no such person decides on what the client asks for.
CREATE TABLE IF NOT EXISTS client_former_owner (
  client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id   TEXT NOT NULL,
  PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS client_handed_over AFTER UPDATE OF owner_id ON client
WHEN OLD.owner_id <> '' AND OLD.owner_id <> NEW.owner_id BEGIN
  INSERT INTO client_former_owner (client_id, user_id) VALUES (NEW.client_id, OLD.owner_id) ON CONFLICT DO NOTHING;
END;
-- Writes nothing if the owner became the first owner, or if the client is deleted.
CREATE TRIGGER IF NOT EXISTS client_owner_left AFTER DELETE ON client_owner BEGIN
  INSERT INTO client_former_owner (client_id, user_id)
    SELECT c.client_id, OLD.user_id FROM client c WHERE c.client_id = OLD.client_id AND c.owner_id <> OLD.user_id
    ON CONFLICT DO NOTHING;
END;

-- The last time that each permission was declined or taken away, for the owners. A row grants nothing.
CREATE TABLE IF NOT EXISTS client_decision (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  kind          TEXT NOT NULL CHECK (kind IN ('scope', 'grant_type', 'endorsement')),
  value         TEXT NOT NULL,
  -- An administrator declines a request and withdraws what was authorized. An owner takes back what was authorized.
  decision      TEXT NOT NULL CHECK (decision IN ('declined', 'withdrawn', 'taken_back')),
  requested_at  INTEGER NOT NULL, -- epoch seconds
  authorized_at INTEGER,          -- epoch seconds; NULL: it was requested only
  decided_at    INTEGER NOT NULL, -- epoch seconds
  reason        TEXT NOT NULL,    -- for the owners; '' without one
  PRIMARY KEY (client_id, kind, value)
) STRICT, WITHOUT ROWID;

-- For approvers, who see what waits: the oldest request first.
CREATE INDEX IF NOT EXISTS client_authorization_waiting ON client_authorization (requested_at, client_id, scope) WHERE authorized_at IS NULL;
CREATE INDEX IF NOT EXISTS client_grant_type_waiting ON client_grant_type (requested_at, client_id, grant_type) WHERE authorized_at IS NULL;
CREATE INDEX IF NOT EXISTS client_endorsement_waiting ON client_endorsement (requested_at, client_id, category) WHERE authorized_at IS NULL;

-- What each client was when it was last given a permission by a decision. A row grants nothing.
CREATE TABLE IF NOT EXISTS client_approval (
  client_id   TEXT PRIMARY KEY REFERENCES client ON DELETE CASCADE,
  approved_at INTEGER NOT NULL, -- epoch seconds
  actor       TEXT NOT NULL,    -- as in the audit
  seen        TEXT NOT NULL     -- JSON: what the client said of itself, and who owned it
) STRICT, WITHOUT ROWID;

-- An insertion into this view writes nothing. It fails the batch if the owner has more clients than allowed.
CREATE VIEW IF NOT EXISTS clients_per_owner (owner_id, allowed) AS SELECT owner_id, count(*) FROM client GROUP BY owner_id;
CREATE TRIGGER IF NOT EXISTS owner_has_allowed_clients INSTEAD OF INSERT ON clients_per_owner
WHEN (SELECT count(*) FROM client WHERE owner_id = NEW.owner_id) > CAST(NEW.allowed AS INTEGER) BEGIN
  SELECT RAISE(ABORT, 'too many clients');
END;

-- The public directory: clients that an owner wants listed, and whether an approver listed them.
CREATE TABLE IF NOT EXISTS listing (
  client_id    TEXT PRIMARY KEY REFERENCES client ON DELETE CASCADE,
  requested_at INTEGER NOT NULL, -- epoch seconds, when it last began to wait for an approver
  listed_at    INTEGER,          -- epoch seconds; NULL: not listed
  declined_at  INTEGER,          -- epoch seconds; NULL: not declined
  reason       TEXT NOT NULL DEFAULT '', -- why it was declined, for the owners
  name_key     TEXT NOT NULL DEFAULT '', -- orders the directory: the folded name at the time of the listing
  CHECK (listed_at IS NULL OR declined_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listing_by_name ON listing (name_key, client_id) WHERE listed_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS listing_by_request ON listing (requested_at, client_id) WHERE listed_at IS NULL AND declined_at IS NULL;

-- What finds a listed client: its folded name and host from each of their words on. Only of what is listed.
CREATE TABLE IF NOT EXISTS listing_key (
  key       TEXT NOT NULL,
  client_id TEXT NOT NULL REFERENCES listing ON DELETE CASCADE,
  PRIMARY KEY (key, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS listing_key_by_client ON listing_key (client_id, key);
CREATE TRIGGER IF NOT EXISTS listing_ended AFTER UPDATE OF listed_at ON listing WHEN NEW.listed_at IS NULL BEGIN
  DELETE FROM listing_key WHERE client_id = NEW.client_id;
END;

-- A listing is of what the approver saw: what changed since waits for an approver again. What is not the client's own
-- raises its version, so that no decision is made on what a page showed before.
CREATE TRIGGER IF NOT EXISTS listing_of_changed_client AFTER UPDATE OF name, url, description, logo_uri, owner_id ON client
WHEN OLD.name <> NEW.name OR OLD.url <> NEW.url OR OLD.description <> NEW.description OR OLD.logo_uri <> NEW.logo_uri
  OR OLD.owner_id <> NEW.owner_id BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch() WHERE client_id = NEW.client_id AND listed_at IS NOT NULL;
END;
CREATE TRIGGER IF NOT EXISTS listing_of_changed_logo AFTER UPDATE OF digest ON logo WHEN OLD.digest IS NOT NEW.digest BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch()
    WHERE listed_at IS NOT NULL AND client_id IN (SELECT client_id FROM client WHERE logo_uri <> '' AND logo_uri = NEW.logo_uri);
  UPDATE client SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE logo_uri <> '' AND logo_uri = NEW.logo_uri AND EXISTS (SELECT 1 FROM listing l WHERE l.client_id = client.client_id);
END;
CREATE TRIGGER IF NOT EXISTS listing_of_renamed_owner AFTER UPDATE OF username ON user
WHEN OLD.username <> NEW.username COLLATE BINARY BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch()
    WHERE listed_at IS NOT NULL AND client_id IN (SELECT client_id FROM client WHERE owner_id = NEW.user_id);
  UPDATE client SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE owner_id = NEW.user_id AND EXISTS (SELECT 1 FROM listing l WHERE l.client_id = client.client_id);
END;
CREATE TRIGGER IF NOT EXISTS listing_of_deleted_owner AFTER DELETE ON user BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch()
    WHERE listed_at IS NOT NULL AND client_id IN (SELECT client_id FROM client WHERE owner_id = OLD.user_id);
  UPDATE client SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE owner_id = OLD.user_id AND EXISTS (SELECT 1 FROM listing l WHERE l.client_id = client.client_id);
END;

-- Events that wait for the webhook: a row for each act that requested permissions or a listing of a client, or decided
-- on them. The triggers below write it, so no change can forget it. A row outlives its client.
CREATE TABLE IF NOT EXISTS webhook_delivery (
  audit_id    INTEGER NOT NULL, -- of the act
  client_id   TEXT NOT NULL,
  event       TEXT NOT NULL,    -- a WebhookEvent of domain/webhook.ts
  webhook_id  TEXT NOT NULL,    -- random, the same in every attempt
  actor       TEXT NOT NULL,    -- as in the audit
  client_name TEXT NOT NULL,
  client_kind TEXT NOT NULL,    -- 'operator', 'document' or 'registration'
  permissions TEXT NOT NULL,    -- JSON list
  created_at  INTEGER NOT NULL, -- epoch seconds
  attempts    INTEGER NOT NULL DEFAULT 0, -- that began
  attempt_at  INTEGER NOT NULL, -- epoch seconds of the next attempt
  failure     TEXT,             -- why the last attempt failed; NULL: none has
  PRIMARY KEY (audit_id, client_id, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS webhook_delivery_by_id ON webhook_delivery (webhook_id);
CREATE INDEX IF NOT EXISTS webhook_delivery_by_attempt ON webhook_delivery (attempt_at);
CREATE INDEX IF NOT EXISTS webhook_delivery_by_time ON webhook_delivery (created_at);
-- At most 1000 events wait. Beyond that the sender with the most events loses the oldest event of the client with the most.
-- The event is dated back, so that cron drops it with the expired ones. The sender is the actor. Clients that registered
-- themselves are one sender, because anybody may register many.
CREATE TRIGGER IF NOT EXISTS webhook_delivery_limit AFTER INSERT ON webhook_delivery
WHEN (SELECT count(*) FROM webhook_delivery WHERE created_at > 0) > 1000 BEGIN
  UPDATE webhook_delivery SET created_at = 0 WHERE webhook_id = (
    SELECT webhook_id FROM (
      SELECT webhook_id, created_at, audit_id, count(*) OVER (PARTITION BY sender) AS of_sender,
        count(*) OVER (PARTITION BY sender, client_id) AS of_client
      FROM (SELECT webhook_id, created_at, audit_id, client_id,
          iif(event = 'request.created' AND client_kind <> 'operator', client_kind, actor) AS sender
        FROM webhook_delivery WHERE created_at > 0))
    ORDER BY of_sender DESC, of_client DESC, created_at, audit_id LIMIT 1);
END;

-- The triggers below insert a row into the view for each permission or listing that was requested
-- or decided on. The view's own trigger writes the delivery, so that its rules are in one place:
-- One act is one delivery. The act is the audit row that was written last: in each batch it stands before the permissions.
-- A listing also begins to wait when something else changes what the directory shows: that is no request of an actor.
-- An import causes no event, because its requests are not new. What a client itself gives up is not a decision.
-- Of an act with more than 100,000 characters, or about more than 100 clients, the rest is left out, so that no act is too
-- large or too slow for D1.
CREATE VIEW IF NOT EXISTS webhook_event (event, client_id, permission) AS
  SELECT event, client_id, permissions FROM webhook_delivery;
CREATE TRIGGER IF NOT EXISTS webhook_event_happened INSTEAD OF INSERT ON webhook_event BEGIN
  INSERT INTO webhook_delivery (audit_id, client_id, event, webhook_id, actor, client_name, client_kind, permissions, created_at, attempt_at)
    SELECT coalesce(a.audit_id, 0), c.client_id, NEW.event, 'msg_' || lower(hex(randomblob(16))),
      iif(a.client_id = c.client_id AND (NEW.event <> 'listing.requested' OR a.event = 'client.request_listing'), a.actor, ''), c.name,
      coalesce((SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id), 'operator'),
      json_array(json(NEW.permission)), unixepoch(), unixepoch()
    FROM client c LEFT JOIN audit a ON a.audit_id = (SELECT max(audit_id) FROM audit)
    WHERE c.client_id = NEW.client_id AND (a.event IS NOT 'client.import' OR NEW.event GLOB 'listing.*')
      AND NOT (NEW.event = 'decision.made' AND a.client_id IS c.client_id AND a.actor IN ('document', 'client:' || c.client_id))
      AND (SELECT count(*) FROM webhook_delivery d
        WHERE d.audit_id = coalesce(a.audit_id, 0) AND (d.client_id, d.event) <> (c.client_id, NEW.event)) < 100
    ON CONFLICT DO UPDATE SET permissions = json_insert(permissions, '$[#]', json(NEW.permission)) WHERE length(permissions) < 100000;
END;
CREATE TRIGGER IF NOT EXISTS scope_requested AFTER INSERT ON client_authorization WHEN NEW.authorized_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('request.created', NEW.client_id, json_object('kind', 'scope', 'value', NEW.scope));
END;
CREATE TRIGGER IF NOT EXISTS grant_type_requested AFTER INSERT ON client_grant_type WHEN NEW.authorized_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('request.created', NEW.client_id, json_object('kind', 'grant_type', 'value', NEW.grant_type));
END;
CREATE TRIGGER IF NOT EXISTS endorsement_requested AFTER INSERT ON client_endorsement WHEN NEW.authorized_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('request.created', NEW.client_id, json_object('kind', 'endorsement', 'value', NEW.category));
END;
-- A scope that became free for every client was not decided on.
CREATE TRIGGER IF NOT EXISTS scope_authorized AFTER UPDATE OF authorized_at ON client_authorization
WHEN OLD.authorized_at IS NULL AND NEW.authorized_at IS NOT NULL AND NEW.self_registered = 0 BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', 'scope', 'value', NEW.scope, 'decision', 'authorized', 'reason', ''));
END;
CREATE TRIGGER IF NOT EXISTS grant_type_authorized AFTER UPDATE OF authorized_at ON client_grant_type
WHEN OLD.authorized_at IS NULL AND NEW.authorized_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', 'grant_type', 'value', NEW.grant_type, 'decision', 'authorized', 'reason', ''));
END;
CREATE TRIGGER IF NOT EXISTS endorsement_authorized AFTER UPDATE OF authorized_at ON client_endorsement
WHEN OLD.authorized_at IS NULL AND NEW.authorized_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', 'endorsement', 'value', NEW.category, 'decision', 'authorized', 'reason', ''));
END;
CREATE TRIGGER IF NOT EXISTS permission_declined AFTER INSERT ON client_decision WHEN NEW.decision <> 'taken_back' BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', NEW.kind, 'value', NEW.value, 'decision', NEW.decision, 'reason', NEW.reason));
END;
CREATE TRIGGER IF NOT EXISTS permission_declined_again AFTER UPDATE ON client_decision WHEN NEW.decision <> 'taken_back' BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', NEW.kind, 'value', NEW.value, 'decision', NEW.decision, 'reason', NEW.reason));
END;
CREATE TRIGGER IF NOT EXISTS listing_requested AFTER INSERT ON listing WHEN NEW.listed_at IS NULL AND NEW.declined_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('listing.requested', NEW.client_id, '{}');
END;
CREATE TRIGGER IF NOT EXISTS listing_requested_again AFTER UPDATE ON listing
WHEN NEW.listed_at IS NULL AND NEW.declined_at IS NULL AND (OLD.listed_at IS NOT NULL OR OLD.declined_at IS NOT NULL) BEGIN
  INSERT INTO webhook_event VALUES ('listing.requested', NEW.client_id, '{}');
END;
CREATE TRIGGER IF NOT EXISTS listing_listed AFTER UPDATE OF listed_at ON listing WHEN OLD.listed_at IS NULL AND NEW.listed_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('listing.decided', NEW.client_id, json_object('decision', 'listed', 'reason', ''));
END;
CREATE TRIGGER IF NOT EXISTS listing_declined AFTER UPDATE OF declined_at ON listing WHEN NEW.declined_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('listing.decided', NEW.client_id,
    json_object('decision', iif(OLD.listed_at IS NULL, 'declined', 'withdrawn'), 'reason', NEW.reason));
END;

-- An image at a host that an operator blocks is deleted. While the host is blocked, none is fetched.
CREATE TRIGGER IF NOT EXISTS logo_of_blocked AFTER INSERT ON document_host WHEN NEW.rule = 'block' BEGIN
  DELETE FROM logo WHERE host = NEW.host
    OR (NEW.host LIKE '*.%' AND substr(host, 1 - length(NEW.host)) = substr(NEW.host, 2));
END;
CREATE TRIGGER IF NOT EXISTS logo_of_blocked_later AFTER UPDATE OF rule ON document_host WHEN NEW.rule = 'block' BEGIN
  DELETE FROM logo WHERE host = NEW.host
    OR (NEW.host LIKE '*.%' AND substr(host, 1 - length(NEW.host)) = substr(NEW.host, 2));
END;

-- Clients and users that are deleted, whose rows housekeeping still removes: one statement for the rows of 100,000 users would
-- take D1 too long. No new client and no new user gets such an id.
CREATE TABLE IF NOT EXISTS deletion (
  kind     TEXT NOT NULL CHECK (kind IN ('client', 'user')),
  id       TEXT NOT NULL,
  began_at INTEGER NOT NULL, -- epoch seconds
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- A client with many rows of users stays until housekeeping has removed them. It is disabled, has nothing of its own any more,
-- and is in no list. Its version rises, so no change that was decided before is made.
CREATE TRIGGER IF NOT EXISTS client_deleted_in_rounds BEFORE DELETE ON client
WHEN (SELECT count(*) FROM (SELECT 1 FROM consent WHERE client_id = OLD.client_id LIMIT 1001)) > 1000
  OR (SELECT count(*) FROM (SELECT 1 FROM authorization_code WHERE client_id = OLD.client_id LIMIT 1001)) > 1000
  OR (SELECT count(*) FROM (SELECT 1 FROM refresh_family WHERE client_id = OLD.client_id LIMIT 1001)) > 1000
  OR (SELECT count(*) FROM (SELECT 1 FROM refresh_family f CROSS JOIN refresh_token t ON t.family_id = f.family_id
    WHERE f.client_id = OLD.client_id LIMIT 1001)) > 1000 BEGIN
  INSERT INTO deletion (kind, id, began_at) VALUES ('client', OLD.client_id, unixepoch()) ON CONFLICT DO NOTHING;
  DELETE FROM listing WHERE client_id = OLD.client_id;
  UPDATE client SET disabled_at = coalesce(disabled_at, unixepoch()), disabled_by_owner = 0, owner_id = '', logo_uri = '',
      version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE client_id = OLD.client_id;
  DELETE FROM client_redirect_uri WHERE client_id = OLD.client_id;
  DELETE FROM client_credential WHERE client_id = OLD.client_id;
  DELETE FROM client_authorization WHERE client_id = OLD.client_id;
  DELETE FROM client_grant_type WHERE client_id = OLD.client_id;
  DELETE FROM client_endorsement WHERE client_id = OLD.client_id;
  DELETE FROM client_default_resource WHERE client_id = OLD.client_id;
  DELETE FROM self_registered_client WHERE client_id = OLD.client_id;
  DELETE FROM client_owner_offer WHERE client_id = OLD.client_id;
  DELETE FROM client_owner WHERE client_id = OLD.client_id;
  DELETE FROM client_former_owner WHERE client_id = OLD.client_id;
  DELETE FROM client_decision WHERE client_id = OLD.client_id;
  DELETE FROM client_approval WHERE client_id = OLD.client_id;
  SELECT RAISE(IGNORE);
END;

-- A new user with such an id would have the consents of the deleted user.
CREATE TRIGGER IF NOT EXISTS user_still_deleted BEFORE INSERT ON user
WHEN EXISTS (SELECT 1 FROM deletion WHERE kind = 'user' AND id = NEW.user_id) BEGIN
  SELECT RAISE(ABORT, 'the user is being deleted');
END;
