-- What the consent page says about scopes and categories was compiled in. Now an operator declares it.

CREATE TABLE scope (
  name            TEXT PRIMARY KEY,
  sentence        TEXT NOT NULL,    -- what it allows, for people
  self_registered INTEGER NOT NULL DEFAULT 0 CHECK (self_registered IN (0, 1)),
  sensitive       INTEGER NOT NULL DEFAULT 0 CHECK (sensitive IN (0, 1)),
  version         INTEGER NOT NULL, -- at least the epoch milliseconds of the change
  created_at      INTEGER NOT NULL, -- epoch seconds
  updated_at      INTEGER NOT NULL  -- epoch seconds
) STRICT, WITHOUT ROWID;

CREATE TABLE category (
  name  TEXT PRIMARY KEY,
  title TEXT NOT NULL
) STRICT, WITHOUT ROWID;
