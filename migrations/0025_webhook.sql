-- What the webhook has yet to tell: a row for each act that requested permissions of a client or decided on them. The
-- triggers below write it, so no change can forget it. A row outlives its client.
CREATE TABLE webhook_delivery (
  audit_id    INTEGER NOT NULL, -- of the act
  client_id   TEXT NOT NULL,
  event       TEXT NOT NULL,    -- 'request.created' or 'decision.made'
  webhook_id  TEXT NOT NULL,    -- random, the same in every attempt
  actor       TEXT NOT NULL,    -- as in the audit
  client_name TEXT NOT NULL,
  client_kind TEXT NOT NULL,    -- 'operator', 'document' or 'registration'
  permissions TEXT NOT NULL,    -- JSON list
  created_at  INTEGER NOT NULL, -- epoch seconds
  attempts    INTEGER NOT NULL DEFAULT 0, -- that began
  attempt_at  INTEGER NOT NULL, -- epoch seconds of the next attempt
  failure     TEXT,             -- why the last attempt failed; NULL: none has
  PRIMARY KEY (audit_id, client_id, event)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_delivery_by_id ON webhook_delivery (webhook_id);
CREATE INDEX webhook_delivery_by_attempt ON webhook_delivery (attempt_at);
CREATE INDEX webhook_delivery_by_time ON webhook_delivery (created_at);
-- At most 1000 wait. Beyond that the oldest is dated back, so that cron drops it with those that waited too long.
CREATE TRIGGER webhook_delivery_limit AFTER INSERT ON webhook_delivery
WHEN (SELECT count(*) FROM webhook_delivery WHERE created_at > 0) > 1000 BEGIN
  UPDATE webhook_delivery SET created_at = 0 WHERE webhook_id =
    (SELECT webhook_id FROM webhook_delivery WHERE created_at > 0 ORDER BY created_at, audit_id LIMIT 1);
END;

-- The triggers below insert a row into this view for each permission that was requested or decided on. The view's own trigger
-- writes the delivery, so that its rules are in one place:
-- One act is one delivery. The act is the audit row that was written last: in each batch it stands before the permissions.
-- An import is not told, because what was requested elsewhere is not new. What a client gives up itself is not a decision.
-- Of an act with more than 100,000 characters the rest is not told, so that no act is too large or too slow for D1.
CREATE VIEW webhook_event (event, client_id, permission) AS
  SELECT event, client_id, permissions FROM webhook_delivery;
CREATE TRIGGER webhook_event_happened INSTEAD OF INSERT ON webhook_event BEGIN
  INSERT INTO webhook_delivery (audit_id, client_id, event, webhook_id, actor, client_name, client_kind, permissions, created_at, attempt_at)
    SELECT coalesce(a.audit_id, 0), c.client_id, NEW.event, 'msg_' || lower(hex(randomblob(16))),
      iif(a.client_id = c.client_id, a.actor, ''), c.name,
      coalesce((SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id), 'operator'),
      json_array(json(NEW.permission)), unixepoch(), unixepoch()
    FROM client c LEFT JOIN audit a ON a.audit_id = (SELECT max(audit_id) FROM audit)
    WHERE c.client_id = NEW.client_id AND a.event IS NOT 'client.import'
      AND NOT (NEW.event = 'decision.made' AND a.client_id IS c.client_id AND a.actor IN ('document', 'client:' || c.client_id))
    ON CONFLICT DO UPDATE SET permissions = json_insert(permissions, '$[#]', json(NEW.permission)) WHERE length(permissions) < 100000;
END;
CREATE TRIGGER scope_requested AFTER INSERT ON client_authorization WHEN NEW.authorized_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('request.created', NEW.client_id, json_object('kind', 'scope', 'value', NEW.scope));
END;
CREATE TRIGGER grant_type_requested AFTER INSERT ON client_grant_type WHEN NEW.authorized_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('request.created', NEW.client_id, json_object('kind', 'grant_type', 'value', NEW.grant_type));
END;
CREATE TRIGGER endorsement_requested AFTER INSERT ON client_endorsement WHEN NEW.authorized_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('request.created', NEW.client_id, json_object('kind', 'endorsement', 'value', NEW.category));
END;
-- A scope that became free for every client was not decided on.
CREATE TRIGGER scope_authorized AFTER UPDATE OF authorized_at ON client_authorization
WHEN OLD.authorized_at IS NULL AND NEW.authorized_at IS NOT NULL AND NEW.self_registered = 0 BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', 'scope', 'value', NEW.scope, 'decision', 'authorized', 'reason', ''));
END;
CREATE TRIGGER grant_type_authorized AFTER UPDATE OF authorized_at ON client_grant_type
WHEN OLD.authorized_at IS NULL AND NEW.authorized_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', 'grant_type', 'value', NEW.grant_type, 'decision', 'authorized', 'reason', ''));
END;
CREATE TRIGGER endorsement_authorized AFTER UPDATE OF authorized_at ON client_endorsement
WHEN OLD.authorized_at IS NULL AND NEW.authorized_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', 'endorsement', 'value', NEW.category, 'decision', 'authorized', 'reason', ''));
END;
CREATE TRIGGER permission_declined AFTER INSERT ON client_decision WHEN NEW.decision <> 'taken_back' BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', NEW.kind, 'value', NEW.value, 'decision', NEW.decision, 'reason', NEW.reason));
END;
CREATE TRIGGER permission_declined_again AFTER UPDATE ON client_decision WHEN NEW.decision <> 'taken_back' BEGIN
  INSERT INTO webhook_event VALUES ('decision.made', NEW.client_id,
    json_object('kind', NEW.kind, 'value', NEW.value, 'decision', NEW.decision, 'reason', NEW.reason));
END;

-- An image at a host that an operator blocks is deleted. While the host is blocked, none is fetched.
CREATE TRIGGER logo_of_blocked AFTER INSERT ON document_host WHEN NEW.rule = 'block' BEGIN
  DELETE FROM logo WHERE host = NEW.host
    OR (NEW.host LIKE '*.%' AND substr(host, 1 - length(NEW.host)) = substr(NEW.host, 2));
END;
CREATE TRIGGER logo_of_blocked_later AFTER UPDATE OF rule ON document_host WHEN NEW.rule = 'block' BEGIN
  DELETE FROM logo WHERE host = NEW.host
    OR (NEW.host LIKE '*.%' AND substr(host, 1 - length(NEW.host)) = substr(NEW.host, 2));
END;
DELETE FROM logo WHERE EXISTS (SELECT 1 FROM document_host d WHERE d.rule = 'block' AND (d.host = logo.host
  OR (d.host LIKE '*.%' AND substr(logo.host, 1 - length(d.host)) = substr(d.host, 2))));
