-- Resources (RFC 8707): what tokens are for. Codes and refresh families from before have no audience and go on as they are.

CREATE TABLE resource (
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
  updated_at   INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;

-- The metadata list all of them.
CREATE TRIGGER resource_limit AFTER INSERT ON resource WHEN (SELECT count(*) FROM resource) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;

-- What a client's tokens are for where a request names no resource. A default resource cannot be deleted: without it the
-- client would get tokens that are bound to none.
CREATE TABLE client_default_resource (
  client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  uri       TEXT NOT NULL REFERENCES resource,
  PRIMARY KEY (client_id, uri)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_default_resource_by_uri ON client_default_resource (uri);

-- The URIs of the resources agreed to: sorted, space-separated; '' for none.
ALTER TABLE consent ADD COLUMN resources TEXT NOT NULL DEFAULT '';
-- What was requested for its access token beside scopes: URIs, space-separated; NULL without a salt.
ALTER TABLE refresh_token ADD COLUMN resources TEXT;

-- A revocation may be of a resource. A CHECK of a key column changes only with its table.
CREATE TABLE revocation_before AS SELECT * FROM revocation;
DROP TABLE revocation;
CREATE TABLE IF NOT EXISTS revocation (
  kind          TEXT NOT NULL CHECK (kind IN ('session', 'client', 'client_record', 'user', 'consent', 'resource')),
  subject       TEXT NOT NULL,    -- session key; client id, twice; user id; user id, space, client id; URI
  revoked_at_ms INTEGER NOT NULL, -- epoch milliseconds
  expires_at    INTEGER NOT NULL, -- epoch seconds; every such session has expired by then
  is_shown      INTEGER NOT NULL DEFAULT 0 CHECK (is_shown IN (0, 1)), -- for a session: does KV show the revocation?
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
INSERT INTO revocation (kind, subject, revoked_at_ms, expires_at, is_shown)
  SELECT kind, subject, revoked_at_ms, expires_at, is_shown FROM revocation_before;
DROP TABLE revocation_before;
CREATE INDEX IF NOT EXISTS revocation_by_expiry ON revocation (expires_at);
CREATE INDEX IF NOT EXISTS revocation_unshown ON revocation (subject) WHERE kind = 'session' AND is_shown = 0;
CREATE TRIGGER IF NOT EXISTS revocation_added AFTER INSERT ON revocation WHEN NEW.kind <> 'session' BEGIN
  UPDATE revocation_version SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) WHERE one = 1;
END;
CREATE TRIGGER IF NOT EXISTS revocation_moved AFTER UPDATE OF revoked_at_ms ON revocation WHEN NEW.kind <> 'session' BEGIN
  UPDATE revocation_version SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER)) WHERE one = 1;
END;

DROP VIEW expected_version;
CREATE VIEW IF NOT EXISTS expected_version (kind, id, version) AS
  SELECT 'client', client_id, version FROM client
  UNION ALL SELECT 'user', user_id, version FROM user
  UNION ALL SELECT 'scope', name, version FROM scope
  UNION ALL SELECT 'resource', uri, version FROM resource;
CREATE TRIGGER IF NOT EXISTS version_is_expected INSTEAD OF INSERT ON expected_version
WHEN NOT EXISTS (SELECT 1 FROM expected_version e
  WHERE e.kind = NEW.kind AND e.id = NEW.id AND e.version = CAST(NEW.version AS INTEGER)) BEGIN
  SELECT RAISE(ABORT, 'stale version');
END;
