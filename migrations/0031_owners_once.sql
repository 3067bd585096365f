-- The first owner is no further owner too: who left as the first owner would still be an owner.
DROP TRIGGER client_owner_changed;
CREATE TRIGGER client_owner_changed AFTER UPDATE OF owner_id ON client WHEN OLD.owner_id <> NEW.owner_id BEGIN
  DELETE FROM client_owner WHERE client_id = NEW.client_id AND user_id = NEW.owner_id;
  DELETE FROM client_owner_offer WHERE client_id = NEW.client_id AND (user_id = NEW.owner_id
    OR offered_by = OLD.owner_id AND declined_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM client_owner o WHERE o.client_id = NEW.client_id AND o.user_id = OLD.owner_id));
END;
DELETE FROM client_owner WHERE EXISTS
  (SELECT 1 FROM client c WHERE c.client_id = client_owner.client_id AND c.owner_id = client_owner.user_id);
