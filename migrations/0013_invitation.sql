-- Invitations: links with which a user sets a password. The table decides that each is used once: changing used_at a second
-- time, after expires_at or while the user is disabled fails the whole batch.
CREATE TABLE IF NOT EXISTS invitation (
  invitation_digest TEXT PRIMARY KEY, -- base64url SHA-256 of the invitation
  user_id           TEXT NOT NULL REFERENCES user ON DELETE CASCADE,
  created_at        INTEGER NOT NULL, -- epoch seconds
  expires_at        INTEGER NOT NULL, -- epoch seconds; moved back to end an invitation early
  used_at           INTEGER           -- epoch seconds; NULL until a password was set with it
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS invitation_by_user ON invitation (user_id);
CREATE INDEX IF NOT EXISTS invitation_by_expiry ON invitation (expires_at);
CREATE TRIGGER IF NOT EXISTS invitation_used_once BEFORE UPDATE OF used_at ON invitation
WHEN OLD.used_at IS NOT NULL OR OLD.expires_at <= unixepoch()
  OR EXISTS (SELECT 1 FROM user u WHERE u.user_id = OLD.user_id AND u.disabled_at IS NOT NULL) BEGIN
  SELECT RAISE(ABORT, 'the invitation is not open');
END;
-- An invitation that was made before such a change must not undo it, or reach the wrong person.
CREATE TRIGGER IF NOT EXISTS invitation_ended_by_user AFTER UPDATE OF password_hash, email, disabled_at ON user
WHEN OLD.password_hash <> NEW.password_hash OR OLD.email <> NEW.email OR OLD.disabled_at IS NOT NEW.disabled_at BEGIN
  UPDATE invitation SET expires_at = min(expires_at, unixepoch()) WHERE user_id = NEW.user_id AND used_at IS NULL;
END;
-- A lesser operator who made the invitation must not get the new scope by it.
CREATE TRIGGER IF NOT EXISTS invitation_ended_by_scope AFTER INSERT ON user_scope WHEN NEW.scope GLOB 'registry:*' BEGIN
  UPDATE invitation SET expires_at = min(expires_at, unixepoch()) WHERE user_id = NEW.user_id AND used_at IS NULL;
END;
