-- The version of all bulk revocations: whoever reads their document in KV believes the newest. At least the moment of
-- the change in epoch milliseconds, so that it is newer than every one before even in a database that was restored.
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
-- A revocation used to be dated by the clock of its caller, and that of a disabled client or user a minute ahead.
UPDATE revocation SET revoked_at_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER)
  WHERE revoked_at_ms > CAST(unixepoch('subsec') * 1000 AS INTEGER);
