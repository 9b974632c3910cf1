-- name: lock_stories
-- Locked in the order of their ids: two projectors with the same stories wait for one another, never for ever.
SELECT id, tenant_id, trace, request, status, seq, version
FROM stories WHERE id = ANY(:ids::uuid[]) ORDER BY id FOR UPDATE;

-- name: read_stories
SELECT id, tenant_id, trace, request, status, seq, version
FROM stories WHERE id = ANY(:ids::uuid[]);

-- name: read_assets
SELECT story_id, asset_type, status, revision, fingerprint, result, started_at, completed_at, error_message,
       retry_count, metadata
FROM asset_generation_jobs WHERE story_id = ANY(:ids::uuid[]);

-- name: known_events
-- The stream may deliver twice: these were folded in before. Asked with the stories locked, so that nobody adds to them.
SELECT event_id FROM inbox WHERE event_id = ANY(:event_ids::text[]);

-- name: record_events!
-- Events that changed nothing have no turn to be written with.
INSERT INTO inbox (event_id) SELECT unnest(:event_ids::text[]) ON CONFLICT DO NOTHING;

-- name: write_turns
-- One statement for all that a batch of events changed: stories, what their readers were told, assets, inbox.
-- A story is written only while it is at the version that the turn began from: one that moved on meanwhile is not among
-- the ids that come back, and nothing of its turn is written. An event that is in the inbox already breaks the whole
-- statement (unique_violation). The rows are taken in the order of their ids, so that two projectors never cross.
WITH turn AS MATERIALIZED (
    SELECT * FROM unnest(
        :ids::uuid[], :versions_before::int[], :versions::int[], :seqs::int[], :statuses::text[], :documents::text[],
        :ended_at::timestamptz[], :titles::text[], :loglines::text[], :errors::text[], :hues::text[], :words::text[],
        :blocks::text[]
    ) AS t (id, version_before, version, seq, status, document, ended_at, title, logline, error, hues, words, blocks)
    ORDER BY id
), written AS (
    UPDATE stories s SET
        version = turn.version,
        seq = turn.seq,
        status = turn.status,
        asset_generation_status = turn.document::jsonb,
        asset_generation_started_at =
            CASE WHEN s.status <> 'generating' AND turn.status = 'generating' THEN now()
                 ELSE s.asset_generation_started_at END,
        asset_generation_completed_at = turn.ended_at,
        title = coalesce(turn.title, s.title),
        logline = coalesce(turn.logline, s.logline),
        error = turn.error::jsonb,
        hue_extracted_colors = coalesce(turn.hues::jsonb, s.hue_extracted_colors),
        audio_words = CASE WHEN turn.words IS NULL THEN s.audio_words ELSE nullif(turn.words, 'null')::jsonb END,
        audio_blocks = CASE WHEN turn.blocks IS NULL THEN s.audio_blocks ELSE nullif(turn.blocks, 'null')::jsonb END
    FROM turn WHERE s.id = turn.id AND s.version = turn.version_before
    RETURNING s.id
), heard AS (
    INSERT INTO inbox (event_id)
    SELECT e.id FROM unnest(:event_stories::uuid[], :event_ids::text[]) AS e (story_id, id)
    JOIN written ON written.id = e.story_id
), told AS (
    INSERT INTO story_events (story_id, seq, event, data)
    SELECT n.story_id, n.seq, n.event, n.data::json
    FROM unnest(:news_ids::uuid[], :news_seqs::int[], :news_events::text[], :news_data::text[])
         AS n (story_id, seq, event, data)
    JOIN written ON written.id = n.story_id
), made AS (
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
        metadata = a.metadata::jsonb
    FROM unnest(
        :asset_ids::uuid[], :asset_types::text[], :asset_statuses::text[], :revisions::int[], :fingerprints::text[],
        :results::text[], :started::timestamptz[], :completed::timestamptz[], :messages::text[], :retries::int[],
        :metadata::text[]
    ) AS a (story_id, asset_type, status, revision, fingerprint, result, started_at, completed_at, error_message,
            retry_count, metadata)
    JOIN written ON written.id = a.story_id
    WHERE j.story_id = a.story_id AND j.asset_type = a.asset_type
)
SELECT id FROM written;

-- name: note_starts!
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
UPDATE asset_generation_jobs j SET status = 'generating', started_at = started.at FROM started WHERE j.id = started.id;

-- name: unhandled_stories
-- Stories that the projector has not handled: their StoryRequested was lost between the commit and the bus.
SELECT id, tenant_id, trace FROM stories
WHERE status = 'generating' AND seq = 0 AND created_at < :before LIMIT 1000;

-- name: unfinished_assets
-- What is dispatched and not done; grows with what is unfinished, never with history (stories_unfinished).
SELECT j.story_id, j.asset_type, j.priority, j.fingerprint, j.revision, j.queued_at
FROM stories s JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating') AND j.queued_at < :before;

-- name: wanted_jobs
-- Which of these jobs are wanted, and as what.
SELECT j.story_id, j.asset_type, j.fingerprint
FROM unnest(:ids::uuid[], :assets::text[]) AS a (story_id, asset)
JOIN asset_generation_jobs j ON j.story_id = a.story_id AND j.asset_type = a.asset
JOIN stories s ON s.id = j.story_id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating');

-- name: overdue_stories
SELECT id, tenant_id, trace, asset_generation_started_at FROM stories
WHERE status = 'generating' AND asset_generation_started_at < now() - make_interval(secs => :seconds) LIMIT 1000;

-- name: overdue_assets
SELECT s.id, s.tenant_id, s.trace, j.asset_type, j.fingerprint, j.queued_at, coalesce(j.started_at, j.queued_at) AS began
FROM stories s JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating')
  AND j.queued_at < now() - make_interval(secs => :seconds) LIMIT 1000;

-- name: mark_commands_handled!
-- The inbox knows what was folded in.
UPDATE command_outbox c SET handled_at = now() FROM inbox i WHERE c.handled_at IS NULL AND i.event_id = c.event_id;

-- name: unhandled_commands
SELECT event FROM command_outbox WHERE handled_at IS NULL AND created_at < :before ORDER BY created_at LIMIT 1000;

-- name: sweep_again!
-- Something was heard of an erased story: a late worker may have left more.
UPDATE erasures SET due_at = now() WHERE story_id = ANY(:ids::uuid[]);

-- name: server_time$
SELECT now();

-- name: story_for_reader^
SELECT tenant_id, status, seq, asset_generation_status FROM stories WHERE id = :id;

-- name: told_after
SELECT seq, event, data FROM story_events WHERE story_id = :id AND seq > :after ORDER BY seq;

-- name: forget_inbox!
-- Events live 14 days on the stream: older ids can never come again.
DELETE FROM inbox WHERE at < now() - interval '15 days';

-- name: unfinished_stories^
SELECT count(*) AS count, min(created_at) AS oldest FROM stories WHERE status = 'generating';

-- name: count_unhandled_commands^
SELECT count(*) AS count, min(created_at) AS oldest FROM command_outbox WHERE handled_at IS NULL;
