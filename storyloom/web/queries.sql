-- name: valid_key^
-- Runs for every request: a key is refused from the moment that it is revoked.
SELECT tenant_id, scopes FROM api_keys WHERE secret_hash = :secret_hash AND revoked_at IS NULL;

-- name: add_tenant!
INSERT INTO tenants (id) VALUES (:id) ON CONFLICT DO NOTHING;

-- name: add_key!
INSERT INTO api_keys (tenant_id, name, secret_hash, scopes) VALUES (:tenant_id, :name, :secret_hash, :scopes::text[])
ON CONFLICT DO NOTHING;

-- name: keys
SELECT id, tenant_id, name, scopes, created_at, revoked_at FROM api_keys
WHERE :tenant_id::text IS NULL OR tenant_id = :tenant_id ORDER BY created_at, id;

-- name: revoke_key$
UPDATE api_keys SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL RETURNING id;
