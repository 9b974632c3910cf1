-- name: add_share^
-- A link of a story of the tenant's. `too_many`: nothing was written, it has as many valid ones as it may.
WITH story AS (
    SELECT id FROM stories WHERE id = :id AND tenant_id = :tenant_id FOR NO KEY UPDATE
), valid AS (
    SELECT count(*) AS links FROM story_shares v JOIN story ON v.story_id = story.id
    WHERE v.revoked_at IS NULL AND v.expires_at > now()
), made AS (
    INSERT INTO story_shares (story_id, secret_hash, expires_at)
    SELECT story.id, :secret_hash, now() + make_interval(days => :days::int) FROM story, valid
    WHERE valid.links < :most::int
    RETURNING id, created_at, expires_at
)
SELECT made.id, made.created_at, made.expires_at, made.id IS NULL AS too_many FROM story LEFT JOIN made ON true;

-- name: shares
-- Oldest first. A story that is not the tenant's has none.
SELECT h.id, h.created_at, h.expires_at,
       CASE WHEN h.revoked_at IS NOT NULL THEN 'revoked' WHEN h.expires_at <= now() THEN 'expired'
            WHEN h.paused_at IS NOT NULL THEN 'paused' ELSE 'valid' END AS status
FROM story_shares h JOIN stories s ON s.id = h.story_id
WHERE h.story_id = :id AND s.tenant_id = :tenant_id ORDER BY h.created_at, h.id LIMIT 200;

-- name: revoke_share$
UPDATE story_shares h SET revoked_at = coalesce(h.revoked_at, now())
FROM stories s
WHERE h.id = :share AND h.story_id = :id AND s.id = h.story_id AND s.tenant_id = :tenant_id RETURNING h.id;

-- name: pause_shares!
UPDATE story_shares h SET paused_at = now()
FROM stories s
WHERE h.story_id = :id AND s.id = h.story_id AND s.tenant_id = :tenant_id
  AND h.paused_at IS NULL AND h.revoked_at IS NULL AND h.expires_at > now();

-- name: report_page
-- A delivery for each endpoint of the tenant's that wants to know that something is wrong with a page.
INSERT INTO webhook_deliveries (endpoint_id, story_id, event_id, type, payload, next_at)
SELECT e.id, s.id, :event_id, :type, :payload, now()
FROM stories s JOIN webhook_endpoints e ON e.tenant_id = s.tenant_id AND e.enabled
    AND (e.event_types = '{}' OR :type = ANY (e.event_types))
WHERE s.id = :id AND s.tenant_id = :tenant_id
RETURNING endpoint_id;

-- name: resume_shares!
UPDATE story_shares h SET paused_at = NULL
FROM stories s
WHERE h.story_id = :id AND s.id = h.story_id AND s.tenant_id = :tenant_id AND h.paused_at IS NOT NULL;

-- name: valid_share^
-- Of a link that is valid now: for which story, and whose. A text that waits to be approved is shown to nobody.
SELECT h.id, h.story_id, s.tenant_id FROM story_shares h JOIN stories s ON s.id = h.story_id
WHERE h.secret_hash = :secret_hash AND h.revoked_at IS NULL AND h.paused_at IS NULL AND h.expires_at > now()
  AND s.approval <> 'required';

-- name: story_exists$
SELECT EXISTS (SELECT FROM stories WHERE id = :id AND tenant_id = :tenant_id);

-- name: book^
-- One statement is one snapshot: what is ready, and how it is read.
SELECT s.id, s.status, s.title, s.logline, s.request, s.approval, s.asset_generation_status, s.audio_blocks,
       coalesce((SELECT jsonb_object_agg(j.asset_type, CASE WHEN j.asset_type = 'audio' THEN j.result - 'words' - 'blocks'
                                                       ELSE j.result END)
                 FROM asset_generation_jobs j
                 WHERE j.story_id = s.id AND j.status = 'ready' AND j.asset_type = ANY(:assets::text[])), '{}') AS results
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: file^
SELECT j.status, j.result FROM asset_generation_jobs j JOIN stories s ON s.id = j.story_id
WHERE s.id = :id AND s.tenant_id = :tenant_id AND j.asset_type = :asset;

-- name: recording^
-- What the narration's tag says; `cover` is null until it is ready.
SELECT s.title, s.request ->> 'language' AS language,
       (SELECT j.result FROM asset_generation_jobs j
        WHERE j.story_id = s.id AND j.asset_type = 'cover' AND j.status = 'ready') AS cover
FROM stories s WHERE s.id = :id AND s.tenant_id = :tenant_id;
