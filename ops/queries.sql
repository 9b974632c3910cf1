-- name: story_page
-- All stories in the order of their ids, a page at a time.
SELECT id FROM stories WHERE id > :after ORDER BY id LIMIT :limit;

-- name: ready_assets
SELECT story_id, asset_type, revision, fingerprint, result FROM asset_generation_jobs
WHERE story_id = ANY(:ids::uuid[]) AND status = 'ready';

-- name: rowless_stories
-- Stories that have no row, but for those that are being erased: what is left of them is swept up.
SELECT u.id FROM unnest(:ids::uuid[]) AS u (id)
WHERE NOT EXISTS (SELECT FROM stories s WHERE s.id = u.id)
  AND NOT EXISTS (SELECT FROM erasures e WHERE e.story_id = u.id AND e.due_at IS NOT NULL);

-- name: known_calls
-- Which of these calls some row knows. Reads every asset there ever was: a question for quiet hours.
SELECT DISTINCT call->>'request_id' AS id
FROM asset_generation_jobs j,
     jsonb_array_elements(coalesce(j.metadata->'calls', '[]') || coalesce(j.metadata->'spent', '[]')) AS call
WHERE call->>'request_id' = ANY(:ids::text[]);

-- name: under_way
-- What is being made: its calls are written down when it ends.
SELECT left(j.fingerprint, 16) AS mark, j.queued_at
FROM stories s JOIN asset_generation_jobs j ON j.story_id = s.id
WHERE s.status = 'generating' AND j.status IN ('queued', 'generating');

-- name: count_stories$
SELECT count(*) FROM stories;

-- name: newest_ready
SELECT id FROM stories WHERE status = 'ready' ORDER BY asset_generation_completed_at DESC NULLS LAST LIMIT :limit;

-- name: table_sizes
-- Of tables that grow with stories, largest first. Bytes on disk, with what is kept out of line (TOAST) and what updates
-- have left free; rows as the last vacuum or analyse counted them.
SELECT c.relname AS name, greatest(c.reltuples, s.n_live_tup, 0)::bigint AS rows,
       pg_table_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes
FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ANY(
    ARRAY['stories', 'asset_generation_jobs', 'story_events', 'inbox', 'command_outbox', 'webhook_deliveries',
          'stale_objects', 'stream_tokens', 'erasures'])
ORDER BY pg_total_relation_size(c.oid) DESC;
