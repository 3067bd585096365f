-- Owners manage their clients themselves.
-- May an owner enable it again? 1 only while an owner, and no administrator, has disabled it.
ALTER TABLE client ADD COLUMN disabled_by_owner INTEGER NOT NULL DEFAULT 0 CHECK (disabled_by_owner IN (0, 1));

-- Owners beside client.owner_id. No foreign key to user: an external accounts service may have the users.
CREATE TABLE client_owner (
  client_id TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  user_id   TEXT NOT NULL,
  added_at  INTEGER NOT NULL, -- epoch seconds
  PRIMARY KEY (client_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX client_owner_by_user ON client_owner (user_id, client_id);

-- The last time that each permission was declined or taken away, for the owners. A row grants nothing.
CREATE TABLE client_decision (
  client_id     TEXT NOT NULL REFERENCES client ON DELETE CASCADE,
  kind          TEXT NOT NULL CHECK (kind IN ('scope', 'grant_type', 'endorsement')),
  value         TEXT NOT NULL,
  -- An administrator declines a request and withdraws what was authorized. An owner takes back what was authorized.
  decision      TEXT NOT NULL CHECK (decision IN ('declined', 'withdrawn', 'taken_back')),
  requested_at  INTEGER NOT NULL, -- epoch seconds
  authorized_at INTEGER,          -- epoch seconds; NULL: it was requested only
  decided_at    INTEGER NOT NULL, -- epoch seconds
  reason        TEXT NOT NULL,    -- for the owners; '' without one
  PRIMARY KEY (client_id, kind, value)
) STRICT, WITHOUT ROWID;

-- An insertion into this view writes nothing. It fails the batch if the owner has more clients than allowed.
CREATE VIEW clients_per_owner (owner_id, allowed) AS SELECT owner_id, count(*) FROM client GROUP BY owner_id;
CREATE TRIGGER owner_has_allowed_clients INSTEAD OF INSERT ON clients_per_owner
WHEN (SELECT count(*) FROM client WHERE owner_id = NEW.owner_id) > CAST(NEW.allowed AS INTEGER) BEGIN
  SELECT RAISE(ABORT, 'too many clients');
END;
