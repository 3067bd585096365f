-- Clients that registered themselves by a request and are not used any more.
ALTER TABLE self_registered_client ADD COLUMN unused_at INTEGER;
CREATE INDEX registration_in_use ON self_registered_client (used_at)
  WHERE kind = 'registration' AND unused_at IS NULL AND used_at IS NOT NULL;
CREATE INDEX registration_unused ON self_registered_client (unused_at) WHERE unused_at IS NOT NULL;
