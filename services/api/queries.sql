-- name: lease_requests^
-- As many of the wanted requests as are free, by moving on when the quota is all free again: a request takes `spacing`
-- seconds of the window. A clock that was set back must not keep a tenant waiting for longer than the window.
INSERT INTO request_rates AS r (tenant_id, full_at, granted)
SELECT id, now() + make_interval(secs => :wanted * :spacing::float8), :wanted::int FROM tenants WHERE id = :tenant_id
ON CONFLICT (tenant_id) DO UPDATE SET (full_at, granted) = (
    SELECT base + make_interval(secs => taken * :spacing::float8), taken FROM (
        SELECT base, least(:wanted::int, floor(
            (:window_seconds::float8 - extract(epoch FROM base - now())::float8) / :spacing::float8 + 1e-6)::int) AS taken
        FROM (SELECT greatest(now(), least(r.full_at, now() + make_interval(secs => :window_seconds::float8))) AS base) AS b
    ) AS t)
RETURNING granted, extract(epoch FROM full_at - now())::float8 AS full_in;

-- name: lock_tenant^
-- Until the transaction ends no other story of the tenant is created or admitted: what is counted then is exact.
SELECT t.concurrent_stories, t.stories_per_day, t.regenerations_per_story, t.usd_per_day,
       coalesce((SELECT c.usd FROM tenant_costs c
                 WHERE c.day = (now() AT TIME ZONE 'UTC')::date AND c.tenant_id = :tenant_id), 0) AS usd_today
FROM tenants t WHERE t.id = :tenant_id FOR NO KEY UPDATE OF t;

-- name: create_story^
-- The story and all its assets, pending: with this committed, the story will be made, whatever happens next. It waits
-- where the tenant has as many under way as it may, or others wait already.
-- `counted` is false, and nothing written, beyond the stories of a day. `id` is null for a key that another request has
-- just used: the caller rolls back. That must not become an error: Postgres would log the key.
WITH counted AS (
    INSERT INTO tenant_story_counts AS c (day, tenant_id, stories)
    SELECT (now() AT TIME ZONE 'UTC')::date, :tenant_id, 1 WHERE :stories_per_day::int > 0
    ON CONFLICT (day, tenant_id) DO UPDATE SET stories = c.stories + 1 WHERE c.stories < :stories_per_day::int
    RETURNING stories
), room AS (
    SELECT NOT EXISTS (SELECT FROM stories WHERE tenant_id = :tenant_id AND status = 'generating' AND admitted_at IS NULL)
       AND (SELECT count(*) FROM (
               SELECT FROM stories
               WHERE tenant_id = :tenant_id AND status = 'generating' AND admitted_at IS NOT NULL
                 AND awaiting_approval_since IS NULL
               LIMIT :concurrent_stories) AS admitted) < :concurrent_stories::int AS free
), story AS (
    INSERT INTO stories (
        id, tenant_id, request, approval, priority, trace, asset_generation_status, idempotency_key, request_hash,
        created_at, asset_generation_started_at, admitted_at)
    SELECT :id, :tenant_id, :request::jsonb, :approval, :priority, :trace, :document::jsonb, :idempotency_key,
           :request_hash,
           clock_timestamp(), clock_timestamp(), -- not now(): those of a batch, in one transaction, have its order
           CASE WHEN room.free THEN now() END
    FROM counted, room
    ON CONFLICT (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
    RETURNING id, admitted_at
), assets AS (
    INSERT INTO asset_generation_jobs (story_id, asset_type, status, priority)
    SELECT story.id, a.name, a.status, :priority
    FROM story, unnest(:assets::text[], :asset_statuses::text[]) AS a (name, status)
)
SELECT EXISTS (SELECT FROM counted) AS counted, (SELECT id FROM story) AS id,
       EXISTS (SELECT FROM story WHERE admitted_at IS NOT NULL) AS admitted;

-- name: past_stories^
-- What the last hundred stories of these assets took within a week, whosever they were: times and costs, and nothing else
-- of them. The first and the last decile.
WITH lately AS MATERIALIZED (
    SELECT s.id, extract(epoch FROM s.asset_generation_completed_at - s.asset_generation_started_at)::float8 AS seconds
    FROM stories s
    WHERE s.status = 'ready' AND s.request->'assets' = :assets::jsonb
      AND s.asset_generation_completed_at > now() - interval '7 days'
      AND NOT EXISTS (SELECT FROM command_outbox c WHERE c.story_id = s.id)
    ORDER BY s.asset_generation_completed_at DESC LIMIT 100
), paid AS (
    SELECT l.id, coalesce(sum((call->>'cost_usd')::float8), 0) AS usd
    FROM lately l JOIN asset_generation_jobs j ON j.story_id = l.id
    LEFT JOIN LATERAL jsonb_array_elements(
        coalesce(j.metadata->'calls', '[]') || coalesce(j.metadata->'spent', '[]')) AS call ON true
    GROUP BY l.id
)
SELECT (SELECT count(*) FROM lately) AS stories,
       (SELECT percentile_cont(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY seconds) FROM lately) AS seconds,
       (SELECT percentile_cont(ARRAY[0.1, 0.9]) WITHIN GROUP (ORDER BY usd) FROM paid) AS usd;

-- name: usage
-- Every day of a period (UTC), from what is counted by day: erased stories are in it, and none is read. Days are numbered,
-- 1 is 0001-01-01: the first and the last date that Python has are infinite to asyncpg.
SELECT d.day, coalesce(s.stories, 0) AS stories, coalesce(c.usd, 0) AS usd,
       coalesce((SELECT jsonb_object_agg(a.kind, a.assets) FROM tenant_asset_counts a
                 WHERE a.tenant_id = :tenant_id AND a.day = d.day), '{}') AS assets
FROM (SELECT date '0001-01-01' + n - 1 AS day FROM generate_series(:first::int, :last::int) AS n) AS d
LEFT JOIN tenant_story_counts s ON s.day = d.day AND s.tenant_id = :tenant_id
LEFT JOIN tenant_costs c ON c.day = d.day AND c.tenant_id = :tenant_id
ORDER BY d.day;

-- name: limits_of_story^
-- What counts for a command that makes something of a story anew.
SELECT t.concurrent_stories, t.stories_per_day, t.regenerations_per_story, t.usd_per_day,
       coalesce((SELECT c.usd FROM tenant_costs c
                 WHERE c.day = (now() AT TIME ZONE 'UTC')::date AND c.tenant_id = :tenant_id), 0) AS usd_today,
       (SELECT count(*) FROM command_outbox o
        WHERE o.story_id = :id AND o.event->>'event' = 'AssetRegenerateRequested') AS regenerations
FROM tenants t WHERE t.id = :tenant_id;

-- name: stories_of_idempotency_keys
-- A key lives for a day: what comes with it then is another request.
SELECT idempotency_key, id, request_hash FROM stories
WHERE tenant_id = :tenant_id AND idempotency_key = ANY(:idempotency_keys::text[]) AND created_at > now() - interval '24 hours';

-- name: release_old_key!
-- The unique index knows no time: a story gives its key up once another request comes with it, a day later.
UPDATE stories SET idempotency_key = NULL, request_hash = NULL
WHERE tenant_id = :tenant_id AND idempotency_key = :idempotency_key AND created_at <= now() - interval '24 hours';

-- name: story^
-- Another tenant's story is no story. `queue_position`: of a story that waits to be admitted, from 1; else null.
SELECT s.*, CASE WHEN s.status = 'generating' AND s.admitted_at IS NULL THEN (
           SELECT count(*) FROM stories w
           WHERE w.tenant_id = :tenant_id AND w.status = 'generating' AND w.admitted_at IS NULL
             AND (CASE w.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, w.created_at, w.id)
                 <= (CASE s.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, s.created_at, s.id)
       ) END AS queue_position
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: stories
-- Several stories of the caller's, each as `story` has it.
SELECT s.*, q.queue_position
FROM unnest(:ids::uuid[]) AS w (id) JOIN stories s ON s.id = w.id AND s.tenant_id = :tenant_id
LEFT JOIN (
    SELECT id, row_number() OVER (
        ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, created_at, id) AS queue_position
    FROM stories WHERE tenant_id = :tenant_id AND status = 'generating' AND admitted_at IS NULL
) AS q ON q.id = s.id;

-- name: earlier_story^
-- What a sequel is told of the story before: all of one moment, as far as it is made.
SELECT s.id, s.request,
       (SELECT j.result FROM asset_generation_jobs j
        WHERE j.story_id = s.id AND j.asset_type = 'outline' AND j.status = 'ready') AS outline,
       (SELECT j.result FROM asset_generation_jobs j
        WHERE j.story_id = s.id AND j.asset_type = 'portrait' AND j.status = 'ready') AS portrait,
       (SELECT j.result FROM asset_generation_jobs j
        WHERE j.story_id = s.id AND j.asset_type = 'text_4' AND j.status = 'ready') AS last_text
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: story_with_results^
-- One statement is one snapshot: status and results of an asset belong together, whatever is applied meanwhile.
-- Pending: commands that were accepted and are not applied yet; a command is applied when it is in the inbox.
SELECT s.*,
       coalesce((SELECT jsonb_object_agg(j.asset_type, jsonb_build_object(
                            'status', j.status,
                            'queued_at', j.queued_at, 'started_at', j.started_at, 'retry_at', j.metadata->>'retryAt',
                            'in_backlog', j.backlog_lane IS NOT NULL,
                            'result', CASE WHEN j.status = 'ready' AND j.asset_type = ANY(:assets::text[]) THEN j.result END,
                            'seconds', CASE WHEN j.status = 'ready' AND j.asset_type = 'audio' THEN j.result->'seconds' END,
                            'companion', CASE WHEN j.status = 'ready' AND j.asset_type = 'outline'
                                         THEN j.result->'companion' END,
                            'premise', CASE WHEN j.status = 'ready' AND j.asset_type = 'content'
                                       THEN j.result->'premise' END,
                            'calls', CASE WHEN j.status = 'ready' THEN j.metadata->'calls' END,
                            'spent', j.metadata->'spent'))
                 FROM asset_generation_jobs j WHERE j.story_id = s.id), '{}') AS assets,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.event_id, 'event', c.event->>'event') ORDER BY c.created_at)
                 FROM command_outbox c WHERE c.story_id = s.id AND c.handled_at IS NULL
                 AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = c.event_id)), '[]') AS pending,
       CASE WHEN s.status = 'generating' AND s.admitted_at IS NULL THEN (
           SELECT count(*) FROM stories w
           WHERE w.tenant_id = :tenant_id AND w.status = 'generating' AND w.admitted_at IS NULL
             AND (CASE w.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, w.created_at, w.id)
                 <= (CASE s.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, s.created_at, s.id)
       ) END AS queue_position
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: is_applied$
SELECT EXISTS (SELECT FROM inbox WHERE event_id = :event_id);

-- name: asset^
SELECT j.status, j.result FROM asset_generation_jobs j JOIN stories s ON s.id = j.story_id
WHERE s.id = :id AND s.tenant_id = :tenant_id AND j.asset_type = :asset;

-- name: page
-- Newest first, by a key that never changes: pages stay stable while stories are being added. However a list is filtered,
-- its page is read from an index in this order, status by status: it costs the same wherever it lies.
WITH page AS MATERIALIZED (
    SELECT id, created_at FROM (
        (SELECT s.id, s.created_at FROM stories s
         WHERE :statuses::text[] IS NULL AND s.tenant_id = :tenant_id
           AND (s.created_at, s.id) < (coalesce(:before_at::timestamptz, 'infinity'),
                                       coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
           AND s.created_at >= coalesce(:since::timestamptz, '-infinity')
         ORDER BY s.created_at DESC, s.id DESC LIMIT :limit)
        UNION ALL
        SELECT f.id, f.created_at FROM unnest(:statuses::text[]) AS w (status) CROSS JOIN LATERAL (
            SELECT s.id, s.created_at FROM stories s
            WHERE :story_type::text IS NULL AND s.tenant_id = :tenant_id AND s.status = w.status
              AND (s.created_at, s.id) < (coalesce(:before_at::timestamptz, 'infinity'),
                                          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
              AND s.created_at >= coalesce(:since::timestamptz, '-infinity')
            ORDER BY s.created_at DESC, s.id DESC LIMIT :limit) AS f
        UNION ALL
        SELECT f.id, f.created_at FROM unnest(:statuses::text[]) AS w (status) CROSS JOIN LATERAL (
            SELECT s.id, s.created_at FROM stories s
            WHERE s.request->>'storyType' = :story_type::text AND s.tenant_id = :tenant_id AND s.status = w.status
              AND (s.created_at, s.id) < (coalesce(:before_at::timestamptz, 'infinity'),
                                          coalesce(:before_id::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
              AND s.created_at >= coalesce(:since::timestamptz, '-infinity')
            ORDER BY s.created_at DESC, s.id DESC LIMIT :limit) AS f
    ) AS found ORDER BY created_at DESC, id DESC LIMIT :limit
)
SELECT s.id, s.status, s.title, s.logline, s.request, s.priority, s.asset_generation_status, s.created_at,
       s.asset_generation_started_at, s.asset_generation_completed_at, s.error, s.admitted_at, q.queue_position
FROM page JOIN stories s ON s.id = page.id AND s.tenant_id = :tenant_id
LEFT JOIN (
    SELECT id, row_number() OVER (
        ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, created_at, id) AS queue_position
    FROM stories WHERE tenant_id = :tenant_id AND status = 'generating' AND admitted_at IS NULL
    -- Nobody's place in the queue is counted for a page on which nobody waits.
    AND EXISTS (SELECT FROM page p JOIN stories w ON w.id = p.id WHERE w.status = 'generating' AND w.admitted_at IS NULL)
) AS q ON q.id = s.id
ORDER BY s.created_at DESC, s.id DESC;

-- name: story_locked^
-- Until the transaction ends nobody deletes the story, and no other command on it is accepted.
SELECT s.*, NULL::bigint AS queue_position FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id FOR UPDATE;

-- name: asset_statuses
SELECT j.asset_type, j.status FROM asset_generation_jobs j JOIN stories s ON s.id = j.story_id
WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: text_changes$
-- Whether a command that may change the story's text is accepted, and not applied yet.
SELECT EXISTS (SELECT FROM command_outbox c JOIN stories s ON s.id = c.story_id
               WHERE s.id = :id AND s.tenant_id = :tenant_id AND c.handled_at IS NULL
                 AND c.event->>'event' IN ('SceneTextEdited', 'AssetRegenerateRequested', 'AssetRetryRequested')
                 AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = c.event_id));

-- name: command^
SELECT c.event FROM command_outbox c JOIN stories s ON s.id = c.story_id
WHERE c.event_id = :event_id AND s.tenant_id = :tenant_id;

-- name: last_cancellation^
SELECT c.event FROM command_outbox c JOIN stories s ON s.id = c.story_id
WHERE s.id = :id AND s.tenant_id = :tenant_id AND c.event->>'event' = 'StoryCancelled'
ORDER BY c.created_at DESC LIMIT 1;

-- name: add_command!
INSERT INTO command_outbox (event_id, story_id, event)
SELECT :event_id, s.id, :event::jsonb FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: count_rows^
-- With the story locked, so that the receipt is exact.
SELECT (SELECT count(*) FROM asset_generation_jobs WHERE story_id = s.id) AS assets,
       (SELECT count(*) FROM story_events WHERE story_id = s.id) AS events,
       (SELECT count(*) FROM command_outbox WHERE story_id = s.id) AS wishes,
       (SELECT count(*) FROM webhook_deliveries WHERE story_id = s.id) AS deliveries
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: delete_story!
-- Its assets, events, commands and webhook deliveries go with it.
DELETE FROM stories WHERE id = :id AND tenant_id = :tenant_id;

-- name: aged_stories
-- The oldest of each tenant by the index of its list: those that are left are never read.
SELECT s.id, t.id AS tenant_id FROM tenants t CROSS JOIN LATERAL (
    SELECT id, created_at FROM stories
    WHERE tenant_id = t.id AND created_at < now() - :age::interval AND status <> 'generating'
    ORDER BY created_at, id LIMIT :limit
) AS s ORDER BY s.created_at LIMIT :limit;

-- name: aged_story_locked^
-- One that began again meanwhile stays.
SELECT id FROM stories WHERE id = :id AND status <> 'generating' FOR UPDATE SKIP LOCKED;

-- name: prune_receipts$
-- Receipts of erasures that are over, the oldest first, some at a time. Answers how many.
WITH deleted AS (
    DELETE FROM erasures WHERE story_id IN (
        SELECT story_id FROM erasures WHERE due_at IS NULL AND created_at < now() - :age::interval
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING story_id
)
SELECT count(*) FROM deleted;

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
