-- name: create_story!
-- The story and all its assets, pending: with this committed, the story will be made, whatever happens next.
WITH story AS (
    INSERT INTO stories (id, tenant_id, request, priority, trace, asset_generation_status, idempotency_key, request_hash)
    VALUES (:id, :tenant_id, :request::jsonb, :priority, :trace, :document::jsonb, :idempotency_key, :request_hash)
)
INSERT INTO asset_generation_jobs (story_id, asset_type, priority)
SELECT :id, unnest(:assets::text[]), :priority;

-- name: story_of_idempotency_key^
SELECT id, request_hash FROM stories WHERE tenant_id = :tenant_id AND idempotency_key = :idempotency_key;

-- name: story^
-- Another tenant's story is no story.
SELECT * FROM stories WHERE id = :id AND tenant_id = :tenant_id;

-- name: results
SELECT asset_type, result FROM asset_generation_jobs
WHERE story_id = :id AND status = 'ready' AND asset_type = ANY(:assets::text[]);

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

-- name: add_tenant!
INSERT INTO tenants (id) VALUES (:id) ON CONFLICT DO NOTHING;

-- name: add_key!
INSERT INTO api_keys (tenant_id, name, secret_hash, scopes) VALUES (:tenant_id, :name, :secret_hash, :scopes::text[])
ON CONFLICT DO NOTHING;

-- name: key_is_known$
SELECT EXISTS (SELECT 1 FROM api_keys WHERE secret_hash = :secret_hash AND revoked_at IS NULL);

-- name: keys
SELECT id, tenant_id, name, scopes, created_at, revoked_at FROM api_keys
WHERE :tenant_id::text IS NULL OR tenant_id = :tenant_id ORDER BY created_at, id;

-- name: revoke_key$
UPDATE api_keys SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL RETURNING id;
