-- name: due_endpoints
-- Enabled endpoints that have something due and room for it, those that work first. From one endpoint to the next by the index: work grows
-- with the endpoints that something is pending for, never with what is pending.
WITH RECURSIVE pending AS (
    (SELECT endpoint_id, next_at FROM webhook_deliveries WHERE next_at IS NOT NULL ORDER BY endpoint_id, next_at LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id, n.next_at
    FROM pending p CROSS JOIN LATERAL (
        SELECT endpoint_id, next_at FROM webhook_deliveries
        WHERE next_at IS NOT NULL AND endpoint_id > p.endpoint_id ORDER BY endpoint_id, next_at LIMIT 1
    ) n
)
SELECT p.endpoint_id
FROM pending p JOIN webhook_endpoints e ON e.id = p.endpoint_id AND e.enabled
WHERE p.next_at <= now() AND p.endpoint_id <> ALL (:saturated::uuid[])
ORDER BY e.failing_since IS NOT NULL, e.verified_at IS NULL, p.next_at LIMIT :limit;

-- name: claim_deliveries
-- What is due of some endpoints, as many as may be sent at once. Claimed by moving next_at on: what a replica that dies had
-- claimed falls to the others once the claim has expired. What is locked is being claimed by another replica.
WITH endpoint AS MATERIALIZED (
    SELECT e.*, e.verified_at IS NOT NULL AND e.failing_since IS NULL AS steady, a.running
    FROM unnest(:endpoints::uuid[], :running::int[]) AS a (id, running)
    JOIN webhook_endpoints e ON e.id = a.id AND e.enabled
), due AS (
    (SELECT d.id, e.id AS endpoint_id FROM endpoint e CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries WHERE endpoint_id = e.id AND next_at <= now() ORDER BY next_at
        LIMIT greatest(0, :per_endpoint::int - e.running) FOR UPDATE SKIP LOCKED
    ) d WHERE e.steady LIMIT :steady_room)
    UNION ALL
    (SELECT d.id, e.id FROM endpoint e CROSS JOIN LATERAL (
        SELECT id FROM webhook_deliveries WHERE endpoint_id = e.id AND next_at <= now() ORDER BY next_at
        LIMIT greatest(0, 1 - e.running) FOR UPDATE SKIP LOCKED
    ) d WHERE NOT e.steady LIMIT :other_room)
)
UPDATE webhook_deliveries d SET
    next_at = now() + make_interval(secs => :lease),
    claimed_until = now() + make_interval(secs => :lease)
FROM due JOIN endpoint e ON e.id = due.endpoint_id
WHERE d.id = due.id
RETURNING d.id, d.endpoint_id, d.event_id, d.type, d.payload, d.trace, d.attempts, d.created_at, d.claimed_until, e.steady,
          e.url, e.secret,
          CASE WHEN e.old_secret_expires_at > now() THEN e.old_secret END AS old_secret,
          extract(epoch FROM now() - d.created_at)::float8 AS age;

-- name: note_health
-- Whether endpoints took what they were sent last, written where that has changed. One that failed for too long, or wants
-- no more, is disabled; these come back. Before the deliveries, in the order in which the api locks them too.
UPDATE webhook_endpoints e SET
    verified_at = CASE WHEN h.worked THEN coalesce(e.verified_at, now()) ELSE e.verified_at END,
    failing_since = CASE WHEN h.worked THEN NULL ELSE coalesce(e.failing_since, now()) END,
    enabled = e.enabled AND NOT (h.gone OR coalesce(NOT h.worked AND e.failing_since < now() - :patience::interval, false)),
    disabled_reason = CASE
        WHEN NOT e.enabled THEN e.disabled_reason
        WHEN h.gone THEN 'gone'
        WHEN NOT h.worked AND e.failing_since < now() - :patience::interval THEN 'failing'
    END
FROM (SELECT * FROM unnest(:endpoints::uuid[], :worked::bool[], :gone::bool[]) AS t (id, worked, gone) ORDER BY id) h
WHERE e.id = h.id AND CASE
    WHEN h.worked THEN e.verified_at IS NULL OR e.failing_since IS NOT NULL
    ELSE h.gone OR e.failing_since IS NULL OR e.failing_since < now() - :patience::interval
END
RETURNING e.id, e.enabled, e.disabled_reason;

-- name: pause_deliveries!
-- Of endpoints that are disabled nothing is due until they are enabled again.
UPDATE webhook_deliveries SET state = 'paused', next_at = NULL, claimed_until = NULL, settled_at = now()
WHERE endpoint_id = ANY(:endpoints::uuid[]) AND state = 'pending';

-- name: record_attempts
-- The attempts of claims. What was taken is delivered, whoever sent it; what failed is decided only by whose claim it still
-- is. A row that somebody else has locked does not come back, and is asked for again: to wait for it while holding others
-- could end in a deadlock with an erasure.
WITH attempt AS (
    SELECT d.id, a.claimed_until, a.delivered, a.delay, a.entry
    FROM unnest(:ids::uuid[], :claims::timestamptz[], :delivered::bool[], :delays::float8[], :entries::text[])
         AS a (id, claimed_until, delivered, delay, entry)
    JOIN webhook_deliveries d ON d.id = a.id
    FOR UPDATE OF d SKIP LOCKED
)
UPDATE webhook_deliveries d SET
    attempts = d.attempts + 1,
    log = CASE WHEN jsonb_array_length(d.log) < 20 THEN d.log ELSE d.log - 0 END || a.entry::jsonb,
    state = CASE
        WHEN a.delivered THEN 'delivered'
        WHEN d.claimed_until IS DISTINCT FROM a.claimed_until THEN d.state
        WHEN a.delay IS NULL THEN 'failed'
        ELSE 'pending'
    END,
    next_at = CASE
        WHEN a.delivered THEN NULL
        WHEN d.claimed_until IS DISTINCT FROM a.claimed_until THEN d.next_at
        WHEN a.delay IS NOT NULL THEN now() + make_interval(secs => a.delay)
    END,
    settled_at = CASE
        WHEN a.delivered THEN coalesce(d.settled_at, now())
        WHEN d.claimed_until IS DISTINCT FROM a.claimed_until THEN d.settled_at
        WHEN a.delay IS NULL THEN now()
    END,
    claimed_until = CASE
        WHEN NOT a.delivered AND d.claimed_until IS DISTINCT FROM a.claimed_until THEN d.claimed_until
    END
FROM attempt a WHERE d.id = a.id
RETURNING d.id;

-- name: release_claims!
-- Of a process that stops: others need not wait until the claims expire.
UPDATE webhook_deliveries d SET next_at = now(), claimed_until = NULL
FROM unnest(:ids::uuid[], :claims::timestamptz[]) AS c (id, claimed_until)
WHERE d.id = c.id AND d.claimed_until = c.claimed_until;

-- name: tidy_deliveries
-- What an endpoint was made while it was being disabled or deleted: it would stay pending for ever.
WITH RECURSIVE pending AS (
    (SELECT endpoint_id FROM webhook_deliveries WHERE next_at IS NOT NULL ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT n.endpoint_id FROM pending p CROSS JOIN LATERAL (
        SELECT endpoint_id FROM webhook_deliveries
        WHERE next_at IS NOT NULL AND endpoint_id > p.endpoint_id ORDER BY endpoint_id LIMIT 1
    ) n
)
SELECT p.endpoint_id, e.id IS NULL AS gone
FROM pending p LEFT JOIN webhook_endpoints e ON e.id = p.endpoint_id WHERE e.id IS NULL OR NOT e.enabled;

-- name: delete_deliveries$
-- Of endpoints that are deleted, some at a time. Answers how many.
WITH doomed AS (
    SELECT id FROM webhook_deliveries WHERE endpoint_id = ANY(:endpoints::uuid[]) LIMIT :limit FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM webhook_deliveries d USING doomed WHERE d.id = doomed.id RETURNING d.id
)
SELECT count(*) FROM deleted;

-- name: prune_deliveries$
-- The oldest that are settled for long enough, some at a time. Answers how many.
WITH doomed AS (
    SELECT id FROM webhook_deliveries WHERE settled_at < now() - :retention::interval
    ORDER BY settled_at LIMIT :limit FOR UPDATE SKIP LOCKED
), deleted AS (
    DELETE FROM webhook_deliveries d USING doomed WHERE d.id = doomed.id RETURNING d.id
)
SELECT count(*) FROM deleted;

-- name: backlog^
-- What is due and claimed by nobody, and how endpoints stand. Counts no more than is pending.
SELECT count(*) FILTER (WHERE next_at <= now()) AS due,
       coalesce(extract(epoch FROM now() - min(next_at) FILTER (WHERE next_at <= now())), 0)::float8 AS oldest_seconds,
       (SELECT count(*) FROM webhook_endpoints WHERE enabled AND failing_since IS NOT NULL) AS failing
FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.enabled
WHERE d.next_at IS NOT NULL;
