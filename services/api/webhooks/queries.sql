-- name: lock_tenant!
-- Two endpoints that are added at once are counted one after the other.
SELECT FROM tenants WHERE id = :tenant_id FOR NO KEY UPDATE;

-- name: count_endpoints$
SELECT count(*) FROM webhook_endpoints WHERE tenant_id = :tenant_id;

-- name: add_endpoint^
INSERT INTO webhook_endpoints (tenant_id, url, event_types, description, secret)
VALUES (:tenant_id, :url, :event_types::text[], :description, :secret) RETURNING *;

-- name: endpoints
SELECT * FROM webhook_endpoints WHERE tenant_id = :tenant_id ORDER BY created_at, id;

-- name: endpoint^
-- Another tenant's endpoint is no endpoint.
SELECT * FROM webhook_endpoints WHERE id = :id AND tenant_id = :tenant_id;

-- name: endpoint_locked^
SELECT * FROM webhook_endpoints WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE;

-- name: update_endpoint^
-- What is at another URL, or was enabled again, has neither worked nor failed yet.
UPDATE webhook_endpoints e SET
    url = coalesce(:url, e.url),
    event_types = coalesce(:event_types::text[], e.event_types),
    description = coalesce(:description, e.description),
    enabled = coalesce(:enabled::bool, e.enabled),
    disabled_reason = CASE WHEN NOT coalesce(:enabled::bool, e.enabled) THEN coalesce(e.disabled_reason, 'client') END,
    verified_at = CASE WHEN coalesce(:url, e.url) = e.url THEN e.verified_at END,
    failing_since = CASE
        WHEN coalesce(:url, e.url) = e.url AND coalesce(:enabled::bool, e.enabled) = e.enabled THEN e.failing_since
    END
WHERE id = :id AND tenant_id = :tenant_id RETURNING *;

-- name: pause_deliveries!
UPDATE webhook_deliveries SET state = 'paused', next_at = NULL, claimed_until = NULL, settled_at = now()
WHERE endpoint_id = :id AND state = 'pending';

-- name: resume_deliveries!
UPDATE webhook_deliveries SET state = 'pending', next_at = now(), settled_at = NULL
WHERE endpoint_id = :id AND state = 'paused';

-- name: rotate_secret^
UPDATE webhook_endpoints SET
    old_secret = CASE WHEN :overlap > 0 THEN secret END,
    old_secret_expires_at = CASE WHEN :overlap > 0 THEN now() + make_interval(secs => :overlap::float8) END,
    secret = :secret
WHERE id = :id AND tenant_id = :tenant_id RETURNING *;

-- name: delete_endpoint$
-- Its deliveries are deleted by webhooks, some at a time.
DELETE FROM webhook_endpoints WHERE id = :id AND tenant_id = :tenant_id RETURNING id;

-- name: page_of_deliveries
-- Newest first, by a key that never changes. The endpoint is the caller's: that was asked for just before.
SELECT * FROM webhook_deliveries
WHERE endpoint_id = (SELECT e.id FROM webhook_endpoints e WHERE e.id = :id AND e.tenant_id = :tenant_id)
  AND (:before_at::timestamptz IS NULL OR (created_at, id) < (:before_at::timestamptz, :before_id::uuid))
ORDER BY created_at DESC, id DESC LIMIT :limit;

-- name: add_delivery^
INSERT INTO webhook_deliveries (endpoint_id, event_id, type, payload, next_at)
SELECT e.id, :event_id, :type, :payload, now() FROM webhook_endpoints e
WHERE e.id = :id AND e.tenant_id = :tenant_id AND e.enabled
RETURNING *;

-- name: redeliver^
-- The schedule begins anew. An attempt that is under way just now is this one.
UPDATE webhook_deliveries d SET
    state = 'pending',
    attempts = CASE WHEN d.claimed_until > now() THEN d.attempts ELSE 0 END,
    next_at = CASE WHEN d.claimed_until > now() THEN d.next_at ELSE now() END,
    claimed_until = CASE WHEN d.claimed_until > now() THEN d.claimed_until END,
    settled_at = NULL
FROM webhook_endpoints e
WHERE d.id = :delivery_id AND d.endpoint_id = e.id AND e.id = :id AND e.tenant_id = :tenant_id AND e.enabled
RETURNING d.*;
