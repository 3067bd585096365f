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
-- Earlier revocations were dated by the clock of the caller, and those of a disabled client or user a minute ahead.
UPDATE revocation SET revoked_at_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE revoked_at_ms > CAST(unixepoch('subsec') * 1000 AS INTEGER);
