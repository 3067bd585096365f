-- Clients that register themselves (RFC 7591), and what a client says of itself.
ALTER TABLE client ADD COLUMN logo_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE client ADD COLUMN tos_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE client ADD COLUMN policy_uri TEXT NOT NULL DEFAULT '';
-- JSON list of addresses.
ALTER TABLE client ADD COLUMN contacts TEXT NOT NULL DEFAULT '[]';
ALTER TABLE client ADD COLUMN software_id TEXT NOT NULL DEFAULT '';
ALTER TABLE client ADD COLUMN software_version TEXT NOT NULL DEFAULT '';
ALTER TABLE client ADD COLUMN application_type TEXT NOT NULL DEFAULT 'web' CHECK (application_type IN ('web', 'native'));
-- Where the keys of a client with private_key_jwt are published: jwks is then what was last read there.
ALTER TABLE client ADD COLUMN jwks_uri TEXT NOT NULL DEFAULT '';

-- May clients that registered themselves get tokens for it without approval?
ALTER TABLE resource ADD COLUMN self_registered INTEGER NOT NULL DEFAULT 0 CHECK (self_registered IN (0, 1));
-- Authorized because clients that register themselves may have the scope, and by no operator.
ALTER TABLE client_authorization ADD COLUMN self_registered INTEGER NOT NULL DEFAULT 0 CHECK (self_registered IN (0, 1));

-- Clients that registered themselves.
CREATE TABLE self_registered_client (
  client_id  TEXT PRIMARY KEY REFERENCES client ON DELETE CASCADE,
  kind       TEXT NOT NULL CHECK (kind IN ('document', 'registration')),
  created_at INTEGER NOT NULL, -- epoch seconds
  used_at    INTEGER           -- epoch seconds, to the day, of the last token; NULL: none yet
) STRICT, WITHOUT ROWID;
CREATE INDEX self_registered_client_by_use ON self_registered_client (kind, used_at, created_at);

-- One write a day at most, in the batch that issues the token.
CREATE TRIGGER code_used_client AFTER UPDATE OF spent_at ON authorization_code
WHEN OLD.spent_at IS NULL AND NEW.session_key <> '' BEGIN
  UPDATE self_registered_client SET used_at = unixepoch() / 86400 * 86400
    WHERE client_id = NEW.client_id AND coalesce(used_at, 0) < unixepoch() / 86400 * 86400;
END;
CREATE TRIGGER family_used_client AFTER UPDATE OF last_used_at ON refresh_family BEGIN
  UPDATE self_registered_client SET used_at = unixepoch() / 86400 * 86400
    WHERE client_id = NEW.client_id AND coalesce(used_at, 0) < unixepoch() / 86400 * 86400;
END;
CREATE TRIGGER secret_used_client AFTER UPDATE OF last_used_at ON client_credential BEGIN
  UPDATE self_registered_client SET used_at = unixepoch() / 86400 * 86400
    WHERE client_id = NEW.client_id AND coalesce(used_at, 0) < unixepoch() / 86400 * 86400;
END;

-- What is kept of a registration by request (RFC 7591), and the token with which the client manages it (RFC 7592).
CREATE TABLE client_registration (
  client_id       TEXT PRIMARY KEY REFERENCES self_registered_client ON DELETE CASCADE,
  request_digest  TEXT, -- base64url SHA-256 of the network and the request; NULL: another request is no duplicate of it
  token_digest    TEXT, -- base64url SHA-256 of the registration access token; NULL: there is none
  token_salt      TEXT, -- derives it from the token before it; NULL for the first
  previous_digest TEXT  -- of the token before it, which is good until this one is used
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX client_registration_by_request ON client_registration (request_digest);

-- Open registrations in the present hour of each network, and in the present day. The CHECK is the limit.
CREATE TABLE registration_count (
  subject    TEXT PRIMARY KEY, -- base64url SHA-256 of the network; '' for the whole registry
  began_at   INTEGER NOT NULL, -- epoch seconds
  registered INTEGER NOT NULL,
  most       INTEGER NOT NULL, -- the limit at the last registration
  CONSTRAINT registration_limit CHECK (registered <= most)
) STRICT, WITHOUT ROWID;
CREATE INDEX registration_count_by_time ON registration_count (began_at);
