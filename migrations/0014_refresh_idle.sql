-- Families from before are not cut short: the end counts from their next refresh.
ALTER TABLE refresh_family ADD COLUMN idle_expires_at INTEGER;
