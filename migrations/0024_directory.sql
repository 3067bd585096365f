-- The public directory: clients that an owner wants listed, and whether an approver listed them.
CREATE TABLE listing (
  client_id    TEXT PRIMARY KEY REFERENCES client ON DELETE CASCADE,
  requested_at INTEGER NOT NULL, -- epoch seconds, when it last began to wait for an approver
  listed_at    INTEGER,          -- epoch seconds; NULL: not listed
  declined_at  INTEGER,          -- epoch seconds; NULL: not declined
  reason       TEXT NOT NULL DEFAULT '', -- why it was declined, for the owners
  name_key     TEXT NOT NULL DEFAULT '', -- orders the directory: the folded name at the time of the listing
  CHECK (listed_at IS NULL OR declined_at IS NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX listing_by_name ON listing (name_key, client_id) WHERE listed_at IS NOT NULL;
CREATE INDEX listing_by_request ON listing (requested_at, client_id) WHERE listed_at IS NULL AND declined_at IS NULL;

-- What finds a listed client: its folded name and host from each of their words on. Only of what is listed.
CREATE TABLE listing_key (
  key       TEXT NOT NULL,
  client_id TEXT NOT NULL REFERENCES listing ON DELETE CASCADE,
  PRIMARY KEY (key, client_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX listing_key_by_client ON listing_key (client_id, key);
CREATE TRIGGER listing_ended AFTER UPDATE OF listed_at ON listing WHEN NEW.listed_at IS NULL BEGIN
  DELETE FROM listing_key WHERE client_id = NEW.client_id;
END;

-- A listing is of what the approver saw: what changed since waits for an approver again. What is not the client's own
-- raises its version, so that no decision is made on what a page showed before.
CREATE TRIGGER listing_of_changed_client AFTER UPDATE OF name, url, description, logo_uri, owner_id ON client
WHEN OLD.name <> NEW.name OR OLD.url <> NEW.url OR OLD.description <> NEW.description OR OLD.logo_uri <> NEW.logo_uri
  OR OLD.owner_id <> NEW.owner_id BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch() WHERE client_id = NEW.client_id AND listed_at IS NOT NULL;
END;
CREATE TRIGGER listing_of_changed_logo AFTER UPDATE OF digest ON logo WHEN OLD.digest IS NOT NEW.digest BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch()
    WHERE listed_at IS NOT NULL AND client_id IN (SELECT client_id FROM client WHERE logo_uri <> '' AND logo_uri = NEW.logo_uri);
  UPDATE client SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE logo_uri <> '' AND logo_uri = NEW.logo_uri AND EXISTS (SELECT 1 FROM listing l WHERE l.client_id = client.client_id);
END;
CREATE TRIGGER listing_of_renamed_owner AFTER UPDATE OF username ON user
WHEN OLD.username <> NEW.username COLLATE BINARY BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch()
    WHERE listed_at IS NOT NULL AND client_id IN (SELECT client_id FROM client WHERE owner_id = NEW.user_id);
  UPDATE client SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE owner_id = NEW.user_id AND EXISTS (SELECT 1 FROM listing l WHERE l.client_id = client.client_id);
END;
CREATE TRIGGER listing_of_deleted_owner AFTER DELETE ON user BEGIN
  UPDATE listing SET listed_at = NULL, requested_at = unixepoch()
    WHERE listed_at IS NOT NULL AND client_id IN (SELECT client_id FROM client WHERE owner_id = OLD.user_id);
  UPDATE client SET version = max(version + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER))
    WHERE owner_id = OLD.user_id AND EXISTS (SELECT 1 FROM listing l WHERE l.client_id = client.client_id);
END;
