-- Listings in the directory are told to the webhook, and nobody pushes out the events of others.
-- At most 1000 events wait. Beyond that the sender with the most of them loses one: of that sender's client with the most,
-- the oldest. It is dated back, so that cron drops it with those that waited too long. The sender is who did it. Clients that
-- registered themselves are one sender, because anybody may register many.
DROP TRIGGER webhook_delivery_limit;
CREATE TRIGGER webhook_delivery_limit AFTER INSERT ON webhook_delivery
WHEN (SELECT count(*) FROM webhook_delivery WHERE created_at > 0) > 1000 BEGIN
  UPDATE webhook_delivery SET created_at = 0 WHERE webhook_id = (
    SELECT webhook_id FROM (
      SELECT webhook_id, created_at, audit_id, count(*) OVER (PARTITION BY sender) AS of_sender,
        count(*) OVER (PARTITION BY sender, client_id) AS of_client
      FROM (SELECT webhook_id, created_at, audit_id, client_id,
          iif(event = 'request.created' AND client_kind <> 'operator', client_kind, actor) AS sender
        FROM webhook_delivery WHERE created_at > 0))
    ORDER BY of_sender DESC, of_client DESC, created_at, audit_id LIMIT 1);
END;

-- The triggers below and those of permissions insert a row into the view for each permission or listing that was requested
-- or decided on. The view's own trigger writes the delivery, so that its rules are in one place:
-- One act is one delivery. The act is the audit row that was written last: in each batch it stands before the permissions.
-- A listing also begins to wait when something else changes what the directory shows: that is no request of an actor.
-- An import is not told, because what was requested elsewhere is not new. What a client gives up itself is not a decision.
-- Of an act with more than 100,000 characters the rest is not told, so that no act is too large or too slow for D1.
DROP TRIGGER webhook_event_happened;
CREATE TRIGGER webhook_event_happened INSTEAD OF INSERT ON webhook_event BEGIN
  INSERT INTO webhook_delivery (audit_id, client_id, event, webhook_id, actor, client_name, client_kind, permissions, created_at, attempt_at)
    SELECT coalesce(a.audit_id, 0), c.client_id, NEW.event, 'msg_' || lower(hex(randomblob(16))),
      iif(a.client_id = c.client_id AND (NEW.event <> 'listing.requested' OR a.event = 'client.request_listing'), a.actor, ''), c.name,
      coalesce((SELECT kind FROM self_registered_client s WHERE s.client_id = c.client_id), 'operator'),
      json_array(json(NEW.permission)), unixepoch(), unixepoch()
    FROM client c LEFT JOIN audit a ON a.audit_id = (SELECT max(audit_id) FROM audit)
    WHERE c.client_id = NEW.client_id AND (a.event IS NOT 'client.import' OR NEW.event GLOB 'listing.*')
      AND NOT (NEW.event = 'decision.made' AND a.client_id IS c.client_id AND a.actor IN ('document', 'client:' || c.client_id))
    ON CONFLICT DO UPDATE SET permissions = json_insert(permissions, '$[#]', json(NEW.permission)) WHERE length(permissions) < 100000;
END;
CREATE TRIGGER listing_requested AFTER INSERT ON listing WHEN NEW.listed_at IS NULL AND NEW.declined_at IS NULL BEGIN
  INSERT INTO webhook_event VALUES ('listing.requested', NEW.client_id, '{}');
END;
CREATE TRIGGER listing_requested_again AFTER UPDATE ON listing
WHEN NEW.listed_at IS NULL AND NEW.declined_at IS NULL AND (OLD.listed_at IS NOT NULL OR OLD.declined_at IS NOT NULL) BEGIN
  INSERT INTO webhook_event VALUES ('listing.requested', NEW.client_id, '{}');
END;
CREATE TRIGGER listing_listed AFTER UPDATE OF listed_at ON listing WHEN OLD.listed_at IS NULL AND NEW.listed_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('listing.decided', NEW.client_id, json_object('decision', 'listed', 'reason', ''));
END;
CREATE TRIGGER listing_declined AFTER UPDATE OF declined_at ON listing WHEN NEW.declined_at IS NOT NULL BEGIN
  INSERT INTO webhook_event VALUES ('listing.decided', NEW.client_id,
    json_object('decision', iif(OLD.listed_at IS NULL, 'declined', 'withdrawn'), 'reason', NEW.reason));
END;
