-- A user may untick endorsements on the consent page. NULL in earlier rows: the answer was for all.
ALTER TABLE consent ADD COLUMN endorsements TEXT;
