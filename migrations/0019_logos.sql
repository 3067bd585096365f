-- Images of clients: one for each address, kept while a client names the address.
CREATE TABLE logo (
  logo_uri   TEXT PRIMARY KEY,
  host       TEXT NOT NULL,    -- of the address
  tried_at   INTEGER NOT NULL, -- epoch seconds of the last attempt to fetch it
  digest     TEXT,             -- base64url SHA-256 of the image; NULL until it was fetched
  media_type TEXT,             -- by its first bytes; NULL until it was fetched
  image      BLOB
) STRICT;
CREATE INDEX logo_by_digest ON logo (digest) WHERE digest IS NOT NULL;
CREATE INDEX logo_by_host ON logo (host, tried_at);
CREATE INDEX client_by_logo ON client (logo_uri) WHERE logo_uri <> '';
-- Bounds the storage: 64 KiB each.
CREATE TRIGGER logo_limit BEFORE INSERT ON logo WHEN (SELECT count(*) FROM logo) >= 1000 BEGIN
  SELECT RAISE(IGNORE);
END;
CREATE TRIGGER logo_unnamed AFTER UPDATE OF logo_uri ON client
WHEN OLD.logo_uri <> '' AND OLD.logo_uri <> NEW.logo_uri AND NOT EXISTS (SELECT 1 FROM client c WHERE c.logo_uri = OLD.logo_uri) BEGIN
  DELETE FROM logo WHERE logo_uri = OLD.logo_uri;
END;
CREATE TRIGGER logo_of_deleted AFTER DELETE ON client
WHEN OLD.logo_uri <> '' AND NOT EXISTS (SELECT 1 FROM client c WHERE c.logo_uri = OLD.logo_uri) BEGIN
  DELETE FROM logo WHERE logo_uri = OLD.logo_uri;
END;
