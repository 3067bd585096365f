-- A further owner may have kept the client's secret too, so nobody who was an owner once decides. Nothing is noted where
-- the owner became the first, or where the client is deleted.
CREATE TRIGGER client_owner_left AFTER DELETE ON client_owner BEGIN
  INSERT INTO client_former_owner (client_id, user_id)
    SELECT c.client_id, OLD.user_id FROM client c WHERE c.client_id = OLD.client_id AND c.owner_id <> OLD.user_id
    ON CONFLICT DO NOTHING;
END;

-- Further owners who accepted and left or were removed, as far as the audit goes back.
INSERT INTO client_former_owner (client_id, user_id)
  SELECT DISTINCT a.client_id, a.detail ->> 'user_id' FROM audit a JOIN client c ON c.client_id = a.client_id
  WHERE a.event = 'client.accept_offer'
  ON CONFLICT DO NOTHING;
