-- The version of a client and of a user, so that a change is made only to the record that its author has read. It is at
-- least the moment of the last change in epoch milliseconds: an id that is used again never has an earlier version.
ALTER TABLE client ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE user ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE client SET version = CAST(round(unixepoch('subsec') * 1000) AS INTEGER);
UPDATE user SET version = CAST(round(unixepoch('subsec') * 1000) AS INTEGER);

-- An insertion into this view writes nothing. It fails the batch unless the record has the version.
CREATE VIEW IF NOT EXISTS expected_version (kind, id, version) AS
  SELECT 'client', client_id, version FROM client
  UNION ALL SELECT 'user', user_id, version FROM user;
CREATE TRIGGER IF NOT EXISTS version_is_expected INSTEAD OF INSERT ON expected_version
WHEN NOT EXISTS (SELECT 1 FROM expected_version e
  WHERE e.kind = NEW.kind AND e.id = NEW.id AND e.version = CAST(NEW.version AS INTEGER)) BEGIN
  SELECT RAISE(ABORT, 'stale version');
END;
