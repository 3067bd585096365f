-- A refresh token and its access token are derived from the token before and a salt, so that a retry gets the same again.
-- Tokens issued before have no salt: they can be exchanged, but their exchange is not answered twice.
-- salt: derives it from the token before it; NULL for the first of a family, and once spent.
-- scopes: what was requested for its access token: space-separated; NULL without a salt.
-- answers: responses with it, sent or under way.
ALTER TABLE refresh_token ADD COLUMN salt TEXT;
ALTER TABLE refresh_token ADD COLUMN scopes TEXT;
ALTER TABLE refresh_token ADD COLUMN answers INTEGER NOT NULL DEFAULT 1;
