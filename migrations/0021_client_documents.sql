-- Client metadata documents: what is kept of them beside their clients.
CREATE TABLE client_document (
  client_id   TEXT PRIMARY KEY REFERENCES self_registered_client ON DELETE CASCADE,
  hosts       TEXT NOT NULL,    -- JSON list: the host of its address, and the wildcards of document_host that cover it
  asked       TEXT NOT NULL,    -- JSON object: the scopes and grant types that it asked for
  fetched_at  INTEGER NOT NULL, -- epoch seconds
  fresh_until INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;

-- The last attempt to read at a host, until it has succeeded. Nothing is asked at a host more often than this table allows.
CREATE TABLE document_attempt (
  host            TEXT PRIMARY KEY,
  attempted_at_ms INTEGER NOT NULL -- epoch milliseconds
) STRICT, WITHOUT ROWID;
CREATE INDEX document_attempt_by_time ON document_attempt (attempted_at_ms);
