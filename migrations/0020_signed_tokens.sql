-- Signed access tokens (RFC 9068), for the resources that want them. A single one is revoked by the digest of its jti.

ALTER TABLE resource ADD COLUMN token_format TEXT NOT NULL DEFAULT 'opaque' CHECK (token_format IN ('opaque', 'jwt'));

-- A CHECK of a key column changes only with its table.
CREATE TABLE revocation_before AS SELECT * FROM revocation;
DROP TABLE revocation;
CREATE TABLE IF NOT EXISTS revocation (
  kind          TEXT NOT NULL CHECK (kind IN ('session', 'token', 'client', 'client_record', 'user', 'consent', 'resource')),
  subject       TEXT NOT NULL,    -- session key, twice; client id, twice; user id; user id, space, client id; URI
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
