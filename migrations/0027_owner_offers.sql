-- Users to whom an owner offered a client. A row gives no right: only client_owner does, after the user has accepted.
CREATE TABLE client_owner_offer (
  client_id   TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id     TEXT NOT NULL,
  offered_by  TEXT NOT NULL,    -- the user id of an owner
  offered_at  INTEGER NOT NULL, -- epoch seconds
  declined_at INTEGER,          -- epoch seconds; NULL: not answered
  PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_owner_offer_by_user ON client_owner_offer (user_id, client_id);
-- No offer to an owner, and no open offer by somebody who is no owner any more. A change of the first owner writes client first.
CREATE TRIGGER client_owner_added AFTER INSERT ON client_owner BEGIN
  DELETE FROM client_owner_offer WHERE client_id = NEW.client_id AND user_id = NEW.user_id;
END;
CREATE TRIGGER client_owner_removed AFTER DELETE ON client_owner BEGIN
  DELETE FROM client_owner_offer WHERE client_id = OLD.client_id AND offered_by = OLD.user_id AND declined_at IS NULL
    AND NOT EXISTS (SELECT 1 FROM client c WHERE c.client_id = OLD.client_id AND c.owner_id = OLD.user_id);
END;
CREATE TRIGGER client_owner_changed AFTER UPDATE OF owner_id ON client WHEN OLD.owner_id <> NEW.owner_id BEGIN
  DELETE FROM client_owner_offer WHERE client_id = NEW.client_id AND (user_id = NEW.owner_id
    OR offered_by = OLD.owner_id AND declined_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM client_owner o WHERE o.client_id = NEW.client_id AND o.user_id = OLD.owner_id));
END;
