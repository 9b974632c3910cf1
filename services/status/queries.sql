-- name: lock_stories
-- Locked in the order of their ids: two projectors with the same stories wait for one another, never for ever.
SELECT id, tenant_id, trace, request, approval, status, seq, version
FROM stories WHERE id = ANY(:ids::uuid[]) ORDER BY id FOR UPDATE;

-- name: read_stories
SELECT id, tenant_id, trace, request, approval, status, seq, version
FROM stories WHERE id = ANY(:ids::uuid[]);

-- name: read_assets
SELECT story_id, asset_type, status, revision, fingerprint, result, started_at, completed_at, error_message,
       retry_count, metadata
FROM asset_generation_jobs WHERE story_id = ANY(:ids::uuid[]);

-- name: known_events
-- The stream may deliver twice: these were applied before. Asked with the stories locked, so that nobody adds to them.
SELECT event_id FROM inbox WHERE event_id = ANY(:event_ids::text[]);

-- name: record_events!
-- Events that changed nothing belong to no transition.
INSERT INTO inbox (event_id) SELECT unnest(:event_ids::text[]) ON CONFLICT DO NOTHING;

-- name: write_transitions
-- One statement for all that a batch of events changed: stories, their readers' updates, assets, inbox, stale objects.
-- A story is written only while it is at the version that the transition began from: one that moved on meanwhile is not
-- among the ids that come back, and nothing of its transition is written. An event that is in the inbox already breaks
-- the whole statement (unique_violation). The rows are taken in the order of their ids: two projectors never deadlock.
-- With each story the endpoints come back that it made deliveries for: nothing is read where its tenant has none.
WITH transition AS MATERIALIZED (
    SELECT * FROM unnest(
        :ids::uuid[], :versions_before::int[], :versions::int[], :seqs::int[], :statuses::text[], :documents::text[],
        :ended_at::timestamptz[], :titles::text[], :loglines::text[], :errors::text[], :hues::text[], :words::text[],
        :blocks::text[], :approvals::text[], :awaiting::bool[]
    ) AS t (id, version_before, version, seq, status, document, ended_at, title, logline, error, hues, words, blocks,
            approval, awaiting)
    ORDER BY id
), written AS (
    UPDATE stories s SET
        version = t.version,
        seq = t.seq,
        status = t.status,
        asset_generation_status = t.document::jsonb,
        asset_generation_started_at =
            CASE WHEN t.status <> 'generating' OR t.awaiting THEN s.asset_generation_started_at
                 -- Its deadline runs from here: it began again, or goes on after it waited for an approval.
                 WHEN s.status <> 'generating' OR s.awaiting_approval_since IS NOT NULL THEN now()
                 ELSE s.asset_generation_started_at END,
        approval = t.approval,
        awaiting_approval_since = CASE WHEN t.awaiting THEN coalesce(s.awaiting_approval_since, now()) END,
        asset_generation_completed_at = t.ended_at,
        title = coalesce(t.title, s.title),
        logline = coalesce(t.logline, s.logline),
        error = t.error::jsonb,
        hue_extracted_colors = coalesce(t.hues::jsonb, s.hue_extracted_colors),
        audio_words = CASE WHEN t.words IS NULL THEN s.audio_words ELSE nullif(t.words, 'null')::jsonb END,
        audio_blocks = CASE WHEN t.blocks IS NULL THEN s.audio_blocks ELSE nullif(t.blocks, 'null')::jsonb END
    FROM transition t WHERE s.id = t.id AND s.version = t.version_before
    RETURNING s.id, s.tenant_id, s.asset_generation_started_at
), recorded AS (
    INSERT INTO inbox (event_id)
    SELECT e.id FROM unnest(:event_stories::uuid[], :event_ids::text[]) AS e (story_id, id)
    JOIN written ON written.id = e.story_id
), published AS (
    INSERT INTO story_events (story_id, seq, event, data)
    SELECT u.story_id, u.seq, u.event, u.data::json
    FROM unnest(:update_ids::uuid[], :update_seqs::int[], :update_events::text[], :update_data::text[])
         AS u (story_id, seq, event, data)
    JOIN written ON written.id = u.story_id
), notified AS (
    INSERT INTO webhook_deliveries (endpoint_id, story_id, event_id, type, payload, trace, next_at)
    SELECT e.id, n.story_id, n.id, n.type, n.payload, n.trace, now()
    FROM unnest(
        :notice_stories::uuid[], :notice_ids::text[], :notice_types::text[], :notice_payloads::text[], :notice_traces::text[]
    ) AS n (story_id, id, type, payload, trace)
    JOIN written ON written.id = n.story_id
    JOIN webhook_endpoints e ON e.tenant_id = written.tenant_id AND e.enabled
        AND (e.event_types = '{}' OR n.type = ANY (e.event_types))
    ON CONFLICT (endpoint_id, event_id) DO NOTHING
    RETURNING endpoint_id
), changed AS (
    UPDATE asset_generation_jobs j SET
        status = a.status,
        revision = a.revision,
        fingerprint = a.fingerprint,
        result = a.result::jsonb,
        queued_at = CASE WHEN a.status = 'queued' AND a.fingerprint IS DISTINCT FROM j.fingerprint THEN now()
                         ELSE j.queued_at END,
        started_at = CASE WHEN a.fingerprint IS DISTINCT FROM j.fingerprint THEN a.started_at
                          ELSE coalesce(a.started_at, j.started_at) END,
        completed_at = a.completed_at,
        error_message = a.error_message,
        retry_count = a.retry_count,
        -- In the backlog until a worker has a slot for it: older stories first. A dispatched job does not go back there.
        backlog_lane = CASE WHEN a.status <> 'queued' THEN NULL
                            WHEN a.fingerprint IS DISTINCT FROM j.fingerprint OR a.lane IS NOT NULL THEN a.lane
                            ELSE j.backlog_lane END,
        backlog_tenant = CASE WHEN a.lane IS NULL THEN j.backlog_tenant ELSE written.tenant_id END,
        backlog_since = CASE WHEN a.lane IS NULL THEN j.backlog_since ELSE written.asset_generation_started_at END,
        -- The deadline runs by this clock: a worker's may be an hour off.
        metadata = CASE WHEN a.metadata::jsonb ? 'tried' THEN a.metadata::jsonb || jsonb_build_object('triedAt',
                        coalesce(CASE WHEN a.fingerprint = j.fingerprint THEN j.metadata->'triedAt' END, to_jsonb(now())))
                        ELSE a.metadata::jsonb END
    FROM unnest(
        :asset_ids::uuid[], :asset_types::text[], :asset_statuses::text[], :revisions::int[], :fingerprints::text[],
        :results::text[], :started::timestamptz[], :completed::timestamptz[], :messages::text[], :retries::int[],
        :metadata::text[], :backlog_lanes::text[]
    ) AS a (story_id, asset_type, status, revision, fingerprint, result, started_at, completed_at, error_message,
            retry_count, metadata, lane)
    JOIN written ON written.id = a.story_id
    WHERE j.story_id = a.story_id AND j.asset_type = a.asset_type
), stale AS (
    -- The api looks what the store holds of these, a grace after it happened last.
    INSERT INTO stale_objects (story_id)
    SELECT w.id FROM unnest(:stale_ids::uuid[]) AS o (id) JOIN written w ON w.id = o.id
    ON CONFLICT (story_id) DO UPDATE SET since = now(), claimed_until = NULL
), costs AS (
    -- Taken in the order of the tenants, after the stories: two projectors never deadlock.
    INSERT INTO tenant_costs AS c (day, tenant_id, usd)
    SELECT (now() AT TIME ZONE 'UTC')::date, w.tenant_id, sum(p.usd)
    FROM unnest(:cost_ids::uuid[], :costs::float8[]) AS p (id, usd) JOIN written w ON w.id = p.id
    GROUP BY w.tenant_id ORDER BY w.tenant_id
    ON CONFLICT (day, tenant_id) DO UPDATE SET usd = c.usd + excluded.usd
), made AS (
    INSERT INTO tenant_asset_counts AS c (day, tenant_id, kind, assets)
    SELECT (now() AT TIME ZONE 'UTC')::date, w.tenant_id, m.kind, count(*)
    FROM unnest(:made_ids::uuid[], :made_kinds::text[]) AS m (id, kind) JOIN written w ON w.id = m.id
    GROUP BY w.tenant_id, m.kind ORDER BY w.tenant_id, m.kind
    ON CONFLICT (tenant_id, day, kind) DO UPDATE SET assets = c.assets + excluded.assets
)
SELECT id, asset_generation_started_at AS began, ARRAY(SELECT DISTINCT endpoint_id FROM notified) AS endpoints
FROM written;

-- name: record_starts!
-- Best effort: a row that moved on meanwhile keeps what it has, and one that the projector is writing is left to it.
-- To wait for it while holding other rows could end in a deadlock.
WITH started AS (
    SELECT j.id, s.at
    FROM unnest(:ids::uuid[], :assets::text[], :fingerprints::text[], :at::timestamptz[])
         AS s (story_id, asset, fingerprint, at)
    JOIN asset_generation_jobs j ON j.story_id = s.story_id AND j.asset_type = s.asset
    WHERE j.fingerprint = s.fingerprint AND j.status = 'queued'
    FOR UPDATE OF j SKIP LOCKED
)
UPDATE asset_generation_jobs j SET
    status = 'generating',
    -- A worker whose clock is off must not have its job ended by the deadline, nor kept from it.
    started_at = CASE WHEN started.at BETWEEN now() - interval '1 minute' AND now() THEN started.at ELSE now() END
FROM started WHERE j.id = started.id;

-- name: unhandled_stories
-- Stories that the projector has not handled: their StoryRequested was lost between the commit and the bus.
SELECT id, tenant_id, trace FROM stories
-- What is dated in the future is old: somebody has set the clock back since.
-- A story that was not admitted yet is waiting, not lost; one that waited was admitted later than it was created.
WHERE status = 'generating' AND seq = 0 AND admitted_at IS NOT NULL
  AND NOT greatest(created_at, admitted_at) BETWEEN :before AND now() + interval '1 minute' LIMIT 1000;

-- name: dispatched_jobs
-- What is dispatched and has not ended; grows with what is unfinished, never with history (stories_unfinished).
SELECT j.story_id, j.asset_type, j.priority, j.fingerprint, j.revision, j.queued_at
FROM stories s JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating')
  AND NOT j.queued_at BETWEEN :before AND now() + interval '1 minute'
  AND j.backlog_lane IS NULL;

-- name: backlog_lanes
-- The lanes that have a backlog: one step of the index a lane.
WITH RECURSIVE found AS (
    (SELECT backlog_lane AS lane FROM asset_generation_jobs WHERE backlog_lane IS NOT NULL ORDER BY backlog_lane LIMIT 1)
    UNION ALL
    SELECT (SELECT backlog_lane FROM asset_generation_jobs WHERE backlog_lane > found.lane ORDER BY backlog_lane LIMIT 1)
    FROM found WHERE found.lane IS NOT NULL
)
SELECT lane FROM found WHERE lane IS NOT NULL;

-- name: add_lane!
INSERT INTO lanes (lane) VALUES (:lane) ON CONFLICT DO NOTHING;

-- name: lock_lane^
-- One replica at a time serves a lane; another that comes meanwhile has nothing to do.
SELECT virtual_time FROM lanes WHERE lane = :lane FOR UPDATE SKIP LOCKED;

-- name: capped_tenants
-- Those whose money of the day is spent; one that may spend nothing has no costs.
SELECT c.tenant_id FROM tenant_costs c JOIN tenants t ON t.id = c.tenant_id
WHERE c.day = (now() AT TIME ZONE 'UTC')::date AND c.usd >= coalesce(t.usd_per_day, :usd_per_day::float8)
UNION SELECT id FROM tenants WHERE coalesce(usd_per_day, :usd_per_day::float8) <= 0;

-- name: capped_jobs
-- Jobs in the backlog that are not to be paid for today.
SELECT s.id, s.tenant_id, s.trace, j.asset_type, j.fingerprint, coalesce(j.queued_at, now()) AS queued_at
FROM asset_generation_jobs j JOIN stories s ON s.id = j.story_id
WHERE j.backlog_lane = ANY(:lanes::text[]) AND j.backlog_tenant = ANY(:tenants::text[])
  AND j.status = 'queued' AND j.asset_type <> ALL(:finishing::text[])
LIMIT 1000;

-- name: lane_shares
-- The tenants that have a backlog in a lane, each with its first jobs: grows with tenants that wait, not with jobs.
WITH RECURSIVE waiting AS (
    (SELECT backlog_tenant AS id FROM asset_generation_jobs WHERE backlog_lane = :lane
     ORDER BY backlog_lane, backlog_tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT backlog_tenant FROM asset_generation_jobs
            WHERE backlog_lane = :lane AND backlog_tenant > waiting.id ORDER BY backlog_lane, backlog_tenant LIMIT 1)
    FROM waiting WHERE waiting.id IS NOT NULL
)
SELECT w.id, t.weight, coalesce(s.finish, 0) AS finish,
       ARRAY(SELECT j.id FROM asset_generation_jobs j WHERE j.backlog_lane = :lane AND j.backlog_tenant = w.id
             -- Once the tenant's money of the day is spent only what it was spent on is finished.
             AND (coalesce(c.usd, 0) < coalesce(t.usd_per_day, :usd_per_day::float8)
                  OR j.asset_type = ANY(:finishing::text[]))
             ORDER BY j.backlog_since, j.id LIMIT :room) AS jobs
FROM waiting w JOIN tenants t ON t.id = w.id LEFT JOIN lane_shares s ON s.lane = :lane AND s.tenant_id = w.id
LEFT JOIN tenant_costs c ON c.day = (now() AT TIME ZONE 'UTC')::date AND c.tenant_id = w.id
ORDER BY w.id;

-- name: dispatch_backlog
-- Out of the backlog; those that were settled or started over meanwhile are not among the rows that come back.
WITH taken AS (
    UPDATE asset_generation_jobs SET backlog_lane = NULL, backlog_tenant = NULL, backlog_since = NULL, queued_at = now()
    WHERE id = ANY(:jobs::uuid[]) AND backlog_lane = :lane
    RETURNING id, story_id, asset_type, fingerprint, status, queued_at
)
SELECT story_id, asset_type, fingerprint, queued_at FROM taken JOIN unnest(:jobs::uuid[]) WITH ORDINALITY AS o (id, n)
  USING (id)
WHERE status IN ('queued', 'generating') ORDER BY o.n;

-- name: save_lane!
-- Shares that lie behind the lane's time say nothing any more.
WITH lane AS (UPDATE lanes SET virtual_time = :virtual_time WHERE lane = :lane),
old AS (DELETE FROM lane_shares WHERE lane = :lane AND finish <= :virtual_time AND tenant_id <> ALL(:tenants::text[]))
INSERT INTO lane_shares (lane, tenant_id, finish)
SELECT :lane, t.id, t.finish FROM unnest(:tenants::text[], :finishes::float8[]) AS t (id, finish)
ON CONFLICT (lane, tenant_id) DO UPDATE SET finish = excluded.finish;

-- name: current_jobs
-- Which of these assets are under way, and by which fingerprint.
SELECT j.story_id, j.asset_type, j.fingerprint
FROM unnest(:ids::uuid[], :assets::text[]) AS a (story_id, asset)
JOIN asset_generation_jobs j ON j.story_id = a.story_id AND j.asset_type = a.asset
JOIN stories s ON s.id = j.story_id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating');

-- name: overdue_stories
-- From the admission: who waits for others of the same tenant to end is not late, nor who waits for an approval.
SELECT id, tenant_id, trace, asset_generation_started_at FROM stories
WHERE status = 'generating' AND admitted_at IS NOT NULL AND awaiting_approval_since IS NULL
  AND asset_generation_started_at < now() - make_interval(secs => :seconds) LIMIT 1000;

-- name: overdue_assets
-- From the first attempt: a job that waits for its turn, or for a provider that is away, is the story's deadline's.
SELECT s.id, s.tenant_id, s.trace, j.asset_type, j.fingerprint, j.queued_at, coalesce(j.started_at, j.queued_at) AS began
FROM stories s JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating')
  AND coalesce((j.metadata->>'triedAt')::timestamptz, CASE WHEN j.status = 'generating' THEN j.started_at END)
      < now() - make_interval(secs => :seconds) LIMIT 1000;

-- name: mark_commands_handled!
-- The inbox knows what was applied.
UPDATE command_outbox c SET handled_at = now() FROM inbox i WHERE c.handled_at IS NULL AND i.event_id = c.event_id;

-- name: unhandled_commands
SELECT event FROM command_outbox
WHERE handled_at IS NULL AND NOT created_at BETWEEN :before AND now() + interval '1 minute'
ORDER BY created_at LIMIT 1000;

-- name: reschedule_erasures!
-- An event came of an erased story: a late worker may have left more.
UPDATE erasures SET due_at = now() WHERE story_id = ANY(:ids::uuid[]);

-- name: server_time$
SELECT now();

-- name: story_for_reader^
-- Another tenant's story is no story. `queue_position`: of one that waits to be admitted, from 1; else null.
-- A command that was accepted may begin a story again that has ended: until it is in the inbox, nobody knows.
SELECT s.id, s.status, s.seq, s.asset_generation_status,
       EXISTS (SELECT FROM command_outbox c WHERE c.story_id = s.id AND c.handled_at IS NULL
               AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = c.event_id)) AS pending,
       CASE WHEN s.status = 'generating' AND s.admitted_at IS NULL THEN (
           SELECT count(*) FROM stories w
           WHERE w.tenant_id = :tenant_id AND w.status = 'generating' AND w.admitted_at IS NULL
             AND (CASE w.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, w.created_at, w.id)
                 <= (CASE s.priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, s.created_at, s.id)
       ) END AS queue_position
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: updates_after
SELECT seq, event, data FROM story_events WHERE story_id = :id AND seq > :after
AND EXISTS (SELECT FROM stories WHERE id = :id AND tenant_id = :tenant_id) ORDER BY seq;

-- name: waiting_tenants
-- The tenants that have stories waiting to be admitted: one step of the index a tenant.
WITH RECURSIVE found AS (
    (SELECT tenant_id FROM stories WHERE status = 'generating' AND admitted_at IS NULL ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT tenant_id FROM stories
            WHERE status = 'generating' AND admitted_at IS NULL AND tenant_id > found.tenant_id
            ORDER BY tenant_id LIMIT 1)
    FROM found WHERE found.tenant_id IS NOT NULL
)
SELECT tenant_id FROM found WHERE tenant_id IS NOT NULL;

-- name: lock_tenant^
-- Until the transaction ends no other story of the tenant is created or admitted: what is counted then is exact.
SELECT concurrent_stories FROM tenants WHERE id = :tenant_id FOR NO KEY UPDATE;

-- name: admit_stories
-- As many of a tenant's waiting stories as it has room for, in the queue's order. One that is being cancelled is skipped.
WITH room AS (
    SELECT :concurrent_stories::int - count(*) AS free FROM (
        SELECT FROM stories
        WHERE tenant_id = :tenant_id AND status = 'generating' AND admitted_at IS NOT NULL
          AND awaiting_approval_since IS NULL
        LIMIT :concurrent_stories) AS admitted
), next AS (
    SELECT id FROM stories
    WHERE tenant_id = :tenant_id AND status = 'generating' AND admitted_at IS NULL
    ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, created_at, id
    LIMIT (SELECT least(free, :most) FROM room) FOR UPDATE SKIP LOCKED
)
UPDATE stories s SET admitted_at = now(), asset_generation_started_at = now() FROM next WHERE s.id = next.id
RETURNING s.id, s.tenant_id, s.trace;

-- name: queue_positions
-- Where stories stand in the queues of their tenants, from 1; those that do not wait any more are not among them.
SELECT id, queue_position FROM (
    SELECT id, row_number() OVER (
        PARTITION BY tenant_id
        ORDER BY CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END, created_at, id) AS queue_position
    FROM stories
    WHERE status = 'generating' AND admitted_at IS NULL
      AND tenant_id IN (SELECT tenant_id FROM stories WHERE id = ANY(:ids::uuid[]))
) AS q WHERE id = ANY(:ids::uuid[]);

-- name: prune_inbox$
-- Events live 14 days on the stream: older ids can never come again. Some at a time; answers how many. Not locked first:
-- that would take the right to update what nobody updates.
WITH deleted AS (
    DELETE FROM inbox WHERE event_id IN (
        SELECT event_id FROM inbox WHERE at < now() - interval '15 days' LIMIT :limit)
    RETURNING event_id
)
SELECT count(*) FROM deleted;

-- name: prune_commands$
-- Commands that were handled, for as long as the inbox knows them. Some at a time; answers how many.
WITH deleted AS (
    DELETE FROM command_outbox WHERE event_id IN (
        SELECT event_id FROM command_outbox WHERE handled_at < now() - interval '15 days'
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING event_id
)
SELECT count(*) FROM deleted;

-- name: unfinished_stories^
-- `oldest` is none of those that wait for an approval, as long as they like, or for room. A story that was opened again
-- counts from then on.
SELECT count(*) AS count,
       min(greatest(created_at, asset_generation_started_at))
           FILTER (WHERE awaiting_approval_since IS NULL AND admitted_at IS NOT NULL) AS oldest,
       count(*) FILTER (WHERE admitted_at IS NULL) AS waiting,
       count(*) FILTER (WHERE awaiting_approval_since IS NOT NULL) AS awaiting_approval
FROM stories WHERE status = 'generating';

-- name: count_unhandled_commands^
SELECT count(*) AS count, min(created_at) AS oldest FROM command_outbox WHERE handled_at IS NULL;

-- name: outbox_ages^
-- Seconds that the oldest of what waits to be published or done has waited; null where nothing waits.
SELECT extract(epoch FROM now() - (
           SELECT min(greatest(created_at, asset_generation_started_at)) FROM stories
           WHERE status = 'generating' AND seq = 0 AND admitted_at IS NOT NULL))::float8 AS stories,
       extract(epoch FROM now() - (
           SELECT min(created_at) FROM command_outbox WHERE handled_at IS NULL))::float8 AS commands,
       extract(epoch FROM now() - (SELECT min(due_at) FROM erasures WHERE due_at < now()))::float8 AS erasures;

-- name: asset_stages
-- How far the assets of stories are that are being made: grows with the stories that are asked about.
SELECT j.story_id, s.priority, j.asset_type, j.status, j.queued_at, j.started_at,
       (j.metadata->>'retryAt')::timestamptz AS retry_at, j.backlog_lane IS NOT NULL AS in_backlog
FROM stories s JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.id = ANY(:ids::uuid[]) AND s.status = 'generating' AND s.admitted_at IS NOT NULL;

-- name: story_heads
-- For readers who were let in: whether anything came of their stories that they were not sent.
SELECT id, seq, status = 'generating' AS generating FROM stories WHERE id = ANY(:ids::uuid[]);
