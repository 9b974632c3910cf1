-- name: valid_key^
-- Of a key that is valid now: whose it is, and for how many seconds yet, null for ever. `unnoted`: it was used, and that
-- has not been written for a minute.
SELECT k.id, k.tenant_id, k.scopes, t.requests_per_minute,
       extract(epoch FROM k.expires_at - now())::float8 AS seconds_left,
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS unnoted
FROM api_keys k JOIN tenants t ON t.id = k.tenant_id
WHERE k.secret_hash = :secret_hash AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());

-- name: ended_keys
-- Which of these keys are not valid any more: revoked, expired, or gone with their tenant.
SELECT w.id FROM unnest(:ids::uuid[]) AS w (id)
WHERE NOT EXISTS (SELECT FROM api_keys k WHERE k.id = w.id AND k.revoked_at IS NULL
                  AND (k.expires_at IS NULL OR k.expires_at > now()));

-- name: note_key_use!
-- Once a minute a key, whichever replica is first. In the order of ids: two replicas never wait for one another for ever.
UPDATE api_keys k SET last_used_at = now()
FROM (SELECT id FROM api_keys WHERE id = ANY(:ids::uuid[])
      AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
      ORDER BY id FOR NO KEY UPDATE SKIP LOCKED) AS used
WHERE k.id = used.id;

-- name: add_tenant$
INSERT INTO tenants (id) VALUES (:id) ON CONFLICT DO NOTHING RETURNING id;

-- name: add_key$
INSERT INTO api_keys (tenant_id, name, secret_hash, scopes, expires_at)
VALUES (:tenant_id, :name, :secret_hash, :scopes::text[], now() + make_interval(secs => :lifetime::float8))
RETURNING id;

-- name: keys
SELECT id, tenant_id, name, scopes, created_at, expires_at, revoked_at, last_used_at, replaced_by,
       CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired' ELSE 'valid' END AS state
FROM api_keys
WHERE :tenant_id::text IS NULL OR tenant_id = :tenant_id ORDER BY created_at, id;

-- name: rotate_key^
-- Another key for the same, of the same lifetime; the old one ends when the overlap does, if not before. Locked first: of
-- two rotations at once the second finds it replaced.
WITH old AS (
    SELECT id, tenant_id, name, scopes, created_at, expires_at FROM api_keys
    WHERE id = :id AND revoked_at IS NULL AND replaced_by IS NULL AND (expires_at IS NULL OR expires_at > now())
    FOR UPDATE
), new AS (
    INSERT INTO api_keys (tenant_id, name, secret_hash, scopes, expires_at)
    SELECT tenant_id, name, :secret_hash, scopes, now() + (expires_at - created_at) FROM old
    RETURNING id
)
UPDATE api_keys k SET replaced_by = new.id,
                      expires_at = least(k.expires_at, now() + make_interval(secs => :overlap::float8))
FROM old, new WHERE k.id = old.id
RETURNING new.id, k.expires_at;

-- name: revoke_key$
UPDATE api_keys SET revoked_at = now()
WHERE id = :id AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) RETURNING id;

-- name: tenants
SELECT t.id, t.created_at, t.weight, t.requests_per_minute, t.concurrent_stories, t.stories_per_day,
       t.regenerations_per_story, t.usd_per_day,
       (SELECT count(*) FROM api_keys k WHERE k.tenant_id = t.id AND k.revoked_at IS NULL
           AND (k.expires_at IS NULL OR k.expires_at > now())) AS keys,
       (SELECT count(*) FROM stories s
        WHERE s.tenant_id = t.id AND s.status = 'generating' AND s.admitted_at IS NOT NULL) AS admitted,
       (SELECT count(*) FROM stories s
        WHERE s.tenant_id = t.id AND s.status = 'generating' AND s.admitted_at IS NULL) AS waiting,
       coalesce((SELECT c.stories FROM tenant_story_counts c
                 WHERE c.day = (now() AT TIME ZONE 'UTC')::date AND c.tenant_id = t.id), 0) AS stories_today,
       coalesce((SELECT c.usd FROM tenant_costs c
                 WHERE c.day = (now() AT TIME ZONE 'UTC')::date AND c.tenant_id = t.id), 0) AS usd_today
FROM tenants t ORDER BY t.id;

-- name: set_tenant$
-- Only what is named; a limit that is null is the installation's.
UPDATE tenants SET
    weight = CASE WHEN 'weight' = ANY(:names::text[]) THEN coalesce(:weight::real, 1) ELSE weight END,
    requests_per_minute = CASE WHEN 'requests_per_minute' = ANY(:names::text[]) THEN :requests_per_minute::int
                               ELSE requests_per_minute END,
    concurrent_stories = CASE WHEN 'concurrent_stories' = ANY(:names::text[]) THEN :concurrent_stories::int
                              ELSE concurrent_stories END,
    stories_per_day = CASE WHEN 'stories_per_day' = ANY(:names::text[]) THEN :stories_per_day::int ELSE stories_per_day END,
    regenerations_per_story = CASE WHEN 'regenerations_per_story' = ANY(:names::text[])
                                   THEN :regenerations_per_story::int ELSE regenerations_per_story END,
    usd_per_day = CASE WHEN 'usd_per_day' = ANY(:names::text[]) THEN :usd_per_day::float8 ELSE usd_per_day END
WHERE id = :id RETURNING id;

-- name: add_stream_token^
-- For a story of the tenant's, by one of its keys. Whoever makes one clears some away that have expired: there are never
-- many more rows than there are valid ones.
WITH expired AS (
    DELETE FROM stream_tokens WHERE secret_hash IN (
        SELECT secret_hash FROM stream_tokens WHERE expires_at <= now() ORDER BY expires_at LIMIT 10 FOR UPDATE SKIP LOCKED)
)
INSERT INTO stream_tokens (secret_hash, story_id, key_id, expires_at)
SELECT :secret_hash, s.id, k.id, least(now() + make_interval(secs => :seconds::float8), k.expires_at)
FROM stories s JOIN api_keys k ON k.id = :key_id WHERE s.id = :id AND s.tenant_id = :tenant_id
RETURNING expires_at;

-- name: valid_stream_token^
-- Of a token that is valid now, and whose key is: whose it is, and for which story.
SELECT s.story_id, k.id AS key_id, k.tenant_id, t.requests_per_minute
FROM stream_tokens s JOIN api_keys k ON k.id = s.key_id JOIN tenants t ON t.id = k.tenant_id
WHERE s.secret_hash = :secret_hash AND s.expires_at > now()
  AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());

-- name: past
-- What assets took lately, from a worker's taking the job to its result, of the stories that ended last; and by lane, for
-- how long the jobs of its backlog have waited. An edited or regenerated asset was not made in the time that it shows.
WITH recent AS (
    SELECT id FROM stories WHERE status IN ('ready', 'partial')
    ORDER BY asset_generation_completed_at DESC NULLS LAST LIMIT :stories
)
SELECT 'asset' AS kind, j.asset_type AS name, count(*)::int AS samples,
       percentile_cont(:quantiles::float8[]) WITHIN GROUP (
           ORDER BY extract(epoch FROM j.completed_at - j.started_at)::float8) AS seconds
FROM recent r JOIN asset_generation_jobs j ON j.story_id = r.id
WHERE j.status = 'ready' AND j.revision = 0 AND j.completed_at >= j.started_at
GROUP BY j.asset_type
UNION ALL
SELECT 'lane', backlog_lane, count(*)::int,
       percentile_cont(:quantiles::float8[]) WITHIN GROUP (
           ORDER BY greatest(0, extract(epoch FROM now() - queued_at)::float8))
FROM asset_generation_jobs WHERE backlog_lane IS NOT NULL AND queued_at IS NOT NULL GROUP BY backlog_lane;
