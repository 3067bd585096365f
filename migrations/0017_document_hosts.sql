-- Hosts of client metadata documents that an operator allows or blocks.
CREATE TABLE document_host (
  host       TEXT PRIMARY KEY, -- ASCII, lower case; *.DOMAIN for all hosts below the domain
  rule       TEXT NOT NULL CHECK (rule IN ('allow', 'block')), -- block counts where both cover a host
  version    INTEGER NOT NULL, -- at least the epoch milliseconds of the change
  created_at INTEGER NOT NULL, -- epoch seconds
  updated_at INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;
CREATE TRIGGER document_host_limit AFTER INSERT ON document_host WHEN (SELECT count(*) FROM document_host) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;

DROP VIEW expected_version;
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
