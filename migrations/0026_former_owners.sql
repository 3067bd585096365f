-- Who was the first owner once: no such person decides on what the client asks for.
CREATE TABLE client_former_owner (
  client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id   TEXT NOT NULL,
  PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER client_handed_over AFTER UPDATE OF owner_id ON client
WHEN OLD.owner_id <> '' AND OLD.owner_id <> NEW.owner_id BEGIN
  INSERT INTO client_former_owner (client_id, user_id) VALUES (NEW.client_id, OLD.owner_id) ON CONFLICT DO NOTHING;
END;

-- Owners who registered their client in the portal and have handed it over, as far as the audit goes back.
INSERT INTO client_former_owner (client_id, user_id)
  SELECT DISTINCT a.client_id, substr(a.actor, 6) FROM audit a JOIN client c ON c.client_id = a.client_id
  WHERE a.event = 'client.create' AND a.actor GLOB 'user:*' AND substr(a.actor, 6) <> c.owner_id;
