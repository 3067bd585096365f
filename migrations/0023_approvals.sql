-- Approvers see what waits, the oldest request first, and what a client has changed since it was approved.
CREATE INDEX client_authorization_waiting ON client_authorization (requested_at, client_id, scope) WHERE authorized_at IS NULL;
CREATE INDEX client_grant_type_waiting ON client_grant_type (requested_at, client_id, grant_type) WHERE authorized_at IS NULL;
CREATE INDEX client_endorsement_waiting ON client_endorsement (requested_at, client_id, category) WHERE authorized_at IS NULL;

-- What each client was when it was last given a permission by a decision. A row grants nothing.
CREATE TABLE client_approval (
  client_id   TEXT PRIMARY KEY REFERENCES client ON DELETE CASCADE,
  approved_at INTEGER NOT NULL, -- epoch seconds
  actor       TEXT NOT NULL,    -- as in the audit
  seen        TEXT NOT NULL     -- JSON: what the client said of itself, and who owned it
) STRICT, WITHOUT ROWID;

-- The history of a client, without the consents of its users.
CREATE INDEX audit_of_client ON audit (client_id, audit_id) WHERE event GLOB 'client.*';
