-- name: recent_stories
-- Newest first, by when they began or began again, a page at a time: a range of stories_started. What a story cost and
-- where it failed is counted of those of the page alone. Nothing of what was asked for or written.
WITH page AS (
    SELECT s.id, s.tenant_id, s.priority, s.status, s.approval, s.trace, s.created_at, s.admitted_at,
           s.awaiting_approval_since, s.asset_generation_started_at AS started_at,
           s.asset_generation_completed_at AS ended_at, s.error->>'code' AS code
    FROM stories s
    WHERE s.asset_generation_started_at >= :since
      AND (:before::timestamptz IS NULL OR (s.asset_generation_started_at, s.id) < (:before, :before_id::uuid))
      AND (:status::text IS NULL OR s.status = :status)
      AND (:tenant::text IS NULL OR s.tenant_id = :tenant)
      AND (NOT :troubled::bool OR EXISTS (
          SELECT FROM asset_generation_jobs t
          WHERE t.story_id = s.id AND (t.status = 'failed' OR t.retry_count > 0)))
    ORDER BY s.asset_generation_started_at DESC, s.id DESC LIMIT :limit
)
SELECT page.*, count(j.id) AS assets, count(j.id) FILTER (WHERE j.status = 'ready') AS ready,
       count(j.id) FILTER (WHERE j.status = 'failed') AS failed, coalesce(sum(j.retry_count), 0) AS retries,
       (SELECT coalesce(sum((call->>'cost_usd')::float8), 0)
        FROM asset_generation_jobs c,
             jsonb_array_elements(coalesce(c.metadata->'calls', '[]') || coalesce(c.metadata->'spent', '[]')) AS call
        WHERE c.story_id = page.id) AS usd
FROM page LEFT JOIN asset_generation_jobs j ON j.story_id = page.id
GROUP BY page.id, page.tenant_id, page.priority, page.status, page.approval, page.trace, page.created_at,
         page.admitted_at, page.awaiting_approval_since, page.started_at, page.ended_at, page.code
ORDER BY page.started_at DESC, page.id DESC;

-- name: one_story^
SELECT s.id, s.tenant_id, s.priority, s.status, s.approval, s.trace, s.seq, s.created_at, s.admitted_at,
       s.awaiting_approval_since, s.asset_generation_started_at AS started_at,
       s.asset_generation_completed_at AS ended_at, s.error->>'code' AS code, now() AS now
FROM stories s WHERE s.id = :id;

-- name: assets_of
-- Everything of its assets but what was made, and the words in which a provider said no.
SELECT j.asset_type, j.status, j.revision, j.fingerprint, j.retry_count, j.queued_at, j.started_at, j.completed_at,
       j.metadata->>'code' AS code, j.metadata->'cause' AS cause, j.metadata->>'triedAt' AS tried_at,
       CASE WHEN j.status IN ('queued', 'generating') THEN j.metadata->>'retryAt' END AS retry_at,
       j.status IN ('queued', 'generating') AND j.backlog_lane IS NOT NULL AS backlog,
       coalesce(j.metadata->'spent', '[]') AS spent, coalesce(j.metadata->'calls', '[]') AS calls
FROM asset_generation_jobs j WHERE j.story_id = :id;

-- name: updates_of
-- What its readers were told, and when: names and states alone.
SELECT e.seq, e.event, e.at, e.data->>'asset' AS asset, coalesce(e.data->>'status', e.data->>'overall') AS status
FROM story_events e WHERE e.story_id = :id ORDER BY e.seq DESC LIMIT :limit;
