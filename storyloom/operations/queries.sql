-- name: states_of
-- Where the assets of some dead letters stand now, and whether their command was written before; a story that is gone
-- has no row. The columns come in pairs: story, asset.
SELECT l.id, s.id AS story_id, s.tenant_id, s.trace, s.status AS story_status, j.asset_type, j.status,
       c.created_at AS requested_at
FROM unnest(:ids::text[], :story_ids::uuid[], :assets::text[]) AS l (id, story_id, asset)
JOIN stories s ON s.id = l.story_id
LEFT JOIN asset_generation_jobs j ON j.story_id = l.story_id AND j.asset_type = l.asset
LEFT JOIN command_outbox c ON c.event_id = l.id;

-- name: insert_commands
-- Only for what is still failed: a story may have been erased or cancelled since it was looked at.
INSERT INTO command_outbox (event_id, story_id, event)
SELECT l.id, l.story_id, l.event::jsonb
FROM unnest(:ids::text[], :story_ids::uuid[], :assets::text[], :events::text[]) AS l (id, story_id, asset, event)
JOIN stories s ON s.id = l.story_id AND s.status <> 'cancelled'
JOIN asset_generation_jobs j ON j.story_id = l.story_id AND j.asset_type = l.asset AND j.status = 'failed'
ON CONFLICT DO NOTHING
RETURNING event_id;

-- name: unfinished
-- Every story that is generating, with all its assets, as of one moment; grows with what is unfinished
-- (stories_unfinished), never with history.
SELECT s.id, s.priority, s.seq, s.created_at, s.asset_generation_started_at, s.admitted_at IS NOT NULL AS admitted,
       s.awaiting_approval_since IS NOT NULL AS awaits_approval,
       j.asset_type, j.status, j.fingerprint,
       j.queued_at, j.retry_count,
       coalesce((j.metadata->>'triedAt')::timestamptz, CASE WHEN j.status = 'generating' THEN j.started_at END) AS tried_at,
       j.status IN ('queued', 'generating') AND j.backlog_lane IS NOT NULL AS backlog,
       CASE WHEN j.status IN ('queued', 'generating') THEN j.metadata->>'retryAt' END AS retry_at
FROM stories s LEFT JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.status = 'generating' ORDER BY s.created_at, s.id;

-- name: settled_at
-- When the assets of some jobs were settled that nobody waits for; a story that is gone has no row.
SELECT j.story_id, j.asset_type, j.status, j.completed_at
FROM unnest(:ids::uuid[], :assets::text[]) AS a (story_id, asset)
JOIN asset_generation_jobs j ON j.story_id = a.story_id AND j.asset_type = a.asset;

-- name: late_commands
-- Commands that are in nobody's inbox; that one is marked as handled is the reconciler's own affair.
SELECT c.event_id, c.event->>'event' AS event, c.created_at FROM command_outbox c
WHERE c.handled_at IS NULL AND c.created_at < :before AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = c.event_id)
ORDER BY c.created_at LIMIT 1000;

-- name: late_erasures
SELECT story_id, due_at FROM erasures WHERE due_at < :before ORDER BY due_at LIMIT 1000;

-- name: late_stale_objects
SELECT story_id, since FROM stale_objects WHERE since < :before ORDER BY since LIMIT 1000;

-- name: server_time$
SELECT now();

-- name: unfinished_stories^
-- Those that wait for an approval may for as long as they like.
SELECT count(*) AS count, min(created_at) FILTER (WHERE awaiting_approval_since IS NULL) AS oldest
FROM stories WHERE status = 'generating';

-- name: unhandled_commands^
SELECT count(*) AS count, min(created_at) AS oldest FROM command_outbox WHERE handled_at IS NULL;

-- name: oldest_unfinished
-- The story that has been at it for longest, with all its assets. None that waits for an approval.
SELECT s.id, s.priority, s.seq, s.created_at, s.asset_generation_started_at, s.admitted_at IS NOT NULL AS admitted,
       s.awaiting_approval_since IS NOT NULL AS awaits_approval,
       j.asset_type, j.status, j.fingerprint, j.queued_at, j.retry_count,
       coalesce((j.metadata->>'triedAt')::timestamptz, CASE WHEN j.status = 'generating' THEN j.started_at END) AS tried_at,
       j.status IN ('queued', 'generating') AND j.backlog_lane IS NOT NULL AS backlog,
       CASE WHEN j.status IN ('queued', 'generating') THEN j.metadata->>'retryAt' END AS retry_at
FROM (SELECT id, priority, seq, created_at, asset_generation_started_at, admitted_at, awaiting_approval_since FROM stories
      WHERE status = 'generating' AND awaiting_approval_since IS NULL ORDER BY created_at LIMIT 1) AS s
LEFT JOIN asset_generation_jobs j ON j.story_id = s.id;

-- name: webhook_backlog^
-- Deliveries that are due and claimed by nobody, and how endpoints stand. Grows with what is pending, never with history.
SELECT count(*) AS pending, count(*) FILTER (WHERE d.next_at <= now()) AS due, min(d.next_at) FILTER (WHERE d.next_at <= now()) AS oldest,
       (SELECT count(*) FROM webhook_endpoints WHERE enabled AND failing_since IS NOT NULL) AS failing,
       (SELECT count(*) FROM webhook_endpoints WHERE disabled_reason IN ('gone', 'failing')) AS disabled
FROM webhook_deliveries d JOIN webhook_endpoints e ON e.id = d.endpoint_id AND e.enabled
WHERE d.next_at IS NOT NULL;
