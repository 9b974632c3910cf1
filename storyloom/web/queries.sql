-- name: valid_key^
-- Of a key that is valid now: whose it is, and for how many seconds yet, null for ever. `unnoted`: it was used, and that
-- has not been written for a minute.
SELECT k.id, k.tenant_id, k.scopes, extract(epoch FROM k.expires_at - now())::float8 AS seconds_left,
       k.last_used_at IS NULL OR k.last_used_at < now() - interval '1 minute' AS unnoted
FROM api_keys k
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
