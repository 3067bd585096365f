-- Clients and users that are deleted, whose rows housekeeping still removes: one statement for the rows of 100,000 users would
-- take D1 too long. No new client and no new user gets such an id.
CREATE TABLE deletion (
  kind     TEXT NOT NULL CHECK (kind IN ('client', 'user')),
  id       TEXT NOT NULL,
  began_at INTEGER NOT NULL, -- epoch seconds
  PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;

-- A client with many rows of users stays until housekeeping has removed them. It is disabled, has nothing of its own any more,
-- and is in no list. Its version rises, so no change that was decided before is made.
CREATE TRIGGER client_deleted_in_rounds BEFORE DELETE ON client
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
CREATE TRIGGER user_still_deleted BEFORE INSERT ON user
WHEN EXISTS (SELECT 1 FROM deletion WHERE kind = 'user' AND id = NEW.user_id) BEGIN
  SELECT RAISE(ABORT, 'the user is being deleted');
END;
