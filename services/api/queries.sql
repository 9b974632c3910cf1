-- name: create_story$
-- The story and all its assets, pending: with this committed, the story will be made, whatever happens next.
-- No row comes back for a key that another request has just used. It must not become an error: Postgres would log the key.
WITH story AS (
    INSERT INTO stories (id, tenant_id, request, priority, trace, asset_generation_status, idempotency_key, request_hash)
    VALUES (:id, :tenant_id, :request::jsonb, :priority, :trace, :document::jsonb, :idempotency_key, :request_hash)
    ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id
), assets AS (
    INSERT INTO asset_generation_jobs (story_id, asset_type, priority)
    SELECT story.id, unnest(:assets::text[]), :priority FROM story
)
SELECT id FROM story;

-- name: story_of_idempotency_key^
SELECT id, request_hash FROM stories WHERE tenant_id = :tenant_id AND idempotency_key = :idempotency_key;

-- name: story^
-- Another tenant's story is no story.
SELECT * FROM stories WHERE id = :id AND tenant_id = :tenant_id;

-- name: story_with_results^
-- One statement is one snapshot: status and results of an asset belong together, whatever is applied meanwhile.
-- Pending: commands that were accepted and are not applied yet; a command is applied when it is in the inbox.
SELECT s.*,
       coalesce((SELECT jsonb_object_agg(j.asset_type, jsonb_build_object(
                            'status', j.status,
                            'result', CASE WHEN j.status = 'ready' AND j.asset_type = ANY(:assets::text[]) THEN j.result END))
                 FROM asset_generation_jobs j WHERE j.story_id = s.id), '{}') AS assets,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.event_id, 'event', c.event->>'event') ORDER BY c.created_at)
                 FROM command_outbox c WHERE c.story_id = s.id AND c.handled_at IS NULL
                 AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = c.event_id)), '[]') AS pending
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: is_applied$
SELECT EXISTS (SELECT FROM inbox WHERE event_id = :event_id);

-- name: asset^
SELECT j.status, j.result FROM asset_generation_jobs j JOIN stories s ON s.id = j.story_id
WHERE s.id = :id AND s.tenant_id = :tenant_id AND j.asset_type = :asset;

-- name: page
-- Newest first, by a key that never changes: pages stay stable while stories are being added.
SELECT id, status, title, logline, request, priority, asset_generation_status, created_at, asset_generation_started_at,
       asset_generation_completed_at, error
FROM stories
WHERE tenant_id = :tenant_id
  AND (:before_at::timestamptz IS NULL OR (created_at, id) < (:before_at::timestamptz, :before_id::uuid))
ORDER BY created_at DESC, id DESC LIMIT :limit;

-- name: story_locked^
-- Until the transaction ends nobody deletes the story, and no other command on it is accepted.
SELECT * FROM stories WHERE id = :id AND tenant_id = :tenant_id FOR UPDATE;

-- name: asset_statuses
SELECT asset_type, status FROM asset_generation_jobs WHERE story_id = :story_id;

-- name: command^
SELECT event FROM command_outbox WHERE event_id = :event_id;

-- name: last_cancellation^
SELECT event FROM command_outbox WHERE story_id = :story_id AND event->>'event' = 'StoryCancelled'
ORDER BY created_at DESC LIMIT 1;

-- name: add_command!
INSERT INTO command_outbox (event_id, story_id, event) VALUES (:event_id, :story_id, :event::jsonb);

-- name: count_rows^
-- With the story locked, so that the receipt is exact.
SELECT (SELECT count(*) FROM asset_generation_jobs WHERE story_id = :id) AS assets,
       (SELECT count(*) FROM story_events WHERE story_id = :id) AS events,
       (SELECT count(*) FROM command_outbox WHERE story_id = :id) AS wishes,
       (SELECT count(*) FROM webhook_deliveries WHERE story_id = :id) AS deliveries;

-- name: delete_story!
-- Its assets, events, commands and webhook deliveries go with it.
DELETE FROM stories WHERE id = :id;

-- name: add_erasure^
INSERT INTO erasures (story_id, tenant_id, receipt, due_at)
VALUES (:story_id, :tenant_id, :receipt::jsonb, now() + make_interval(secs => :lease))
RETURNING now() AS claimed_at, due_at;

-- name: receipt^
SELECT receipt FROM erasures WHERE story_id = :story_id AND tenant_id = :tenant_id;

-- name: claim_erasures
-- Claimed by moving due_at on: what a replica that dies had claimed falls to the others once the claim has expired.
-- Nothing is ever due later than the horizon (seconds from now): what seems so was dated before the clock was set back.
WITH due AS (
    SELECT story_id FROM erasures WHERE due_at <= now() OR due_at > now() + make_interval(secs => :horizon)
    ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE erasures e SET due_at = now() + make_interval(secs => :lease) FROM due WHERE e.story_id = due.story_id
RETURNING e.story_id, now() AS claimed_at, e.due_at;

-- name: add_purge^
-- What was purged is added up. The next purge is the first of the schedule that lies after this one was claimed; once
-- there is none, a purge that found nothing is the last. A claim that is no longer ours (a late event made the erasure due
-- at once, or the claim expired) leaves due_at alone: the purge that it asks for is still to come.
UPDATE erasures SET
    receipt = receipt || jsonb_build_object(
        'objects', (receipt->>'objects')::bigint + :objects::bigint,
        'bytes', (receipt->>'bytes')::bigint + :bytes::bigint,
        'messages', (receipt->>'messages')::bigint + :messages::bigint,
        'complete', (receipt->>'complete')::boolean OR :complete::boolean
    ),
    sweeps = sweeps + 1,
    due_at = CASE
        WHEN due_at IS DISTINCT FROM :claimed_until::timestamptz THEN due_at
        WHEN NOT :complete::boolean THEN now() + make_interval(secs => :retry_delay)
        ELSE coalesce(
            (SELECT min(created_at + make_interval(secs => s)) FROM unnest(:delays::float8[]) AS s
             WHERE created_at + make_interval(secs => s) > :claimed_at::timestamptz),
            CASE WHEN :found::boolean THEN now() + make_interval(secs => :last_delay) END
        )
    END
WHERE story_id = :story_id
RETURNING receipt;

-- name: claim_stale_objects
-- Oldest first. What a replica that dies had claimed falls to the others once the claim has expired.
WITH due AS (
    SELECT story_id FROM stale_objects
    WHERE since <= now() - make_interval(secs => :grace) AND (claimed_until IS NULL OR claimed_until <= now())
    ORDER BY since LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE stale_objects o SET claimed_until = now() + make_interval(secs => :lease) FROM due WHERE o.story_id = due.story_id
RETURNING o.story_id, o.since;

-- name: story_to_collect^
-- Until the transaction ends no command on the story is accepted and no event applied. Nobody waits for either.
SELECT status FROM stories WHERE id = :id FOR UPDATE SKIP LOCKED;

-- name: results_to_keep
SELECT asset_type, fingerprint, result FROM asset_generation_jobs WHERE story_id = :id;

-- name: postpone_stale_objects!
-- It is being made anew: a grace from now it has ended.
UPDATE stale_objects SET since = now(), claimed_until = NULL WHERE story_id = :story_id;

-- name: stale_objects_collected!
-- Unless something became stale meanwhile.
DELETE FROM stale_objects WHERE story_id = :story_id AND since = :since;
