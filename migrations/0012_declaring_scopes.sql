-- Scopes and categories are declared by administrators: how many, at which version, and who holds a scope.

-- Both are read as a whole, so their size is bounded.
CREATE TRIGGER scope_limit AFTER INSERT ON scope WHEN (SELECT count(*) FROM scope) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;
CREATE TRIGGER category_limit AFTER INSERT ON category WHEN (SELECT count(*) FROM category) > 1000 BEGIN
  SELECT RAISE(ABORT, 'too many are declared');
END;

-- Who holds a scope that is to be deleted.
CREATE INDEX client_authorization_by_scope ON client_authorization (scope, client_id);
CREATE INDEX user_scope_by_scope ON user_scope (scope, user_id);

-- A change of a scope demands the version that was read, as that of a client and of a user does.
DROP VIEW expected_version;
CREATE VIEW IF NOT EXISTS expected_version (kind, id, version) AS
  SELECT 'client', client_id, version FROM client
  UNION ALL SELECT 'user', user_id, version FROM user
  UNION ALL SELECT 'scope', name, version FROM scope;
CREATE TRIGGER IF NOT EXISTS version_is_expected INSTEAD OF INSERT ON expected_version
WHEN NOT EXISTS (SELECT 1 FROM expected_version e
  WHERE e.kind = NEW.kind AND e.id = NEW.id AND e.version = CAST(NEW.version AS INTEGER)) BEGIN
  SELECT RAISE(ABORT, 'stale version');
END;
