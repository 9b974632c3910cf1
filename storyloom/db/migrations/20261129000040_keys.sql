-- migrate:up

-- `expires_at`: valid until then; NULL for ever. `last_used_at` is written once a minute at most. `replaced_by`: the key
-- was rotated, and lives on until it expires, beside the one that takes its place.
ALTER TABLE api_keys
    ADD COLUMN expires_at   timestamptz,
    ADD COLUMN last_used_at timestamptz,
    ADD COLUMN replaced_by  uuid REFERENCES api_keys ON DELETE SET NULL;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at, id);
CREATE INDEX api_keys_replaced ON api_keys (replaced_by) WHERE replaced_by IS NOT NULL;

-- migrate:down

DROP INDEX api_keys_replaced, api_keys_by_tenant;
ALTER TABLE api_keys DROP COLUMN replaced_by, DROP COLUMN last_used_at, DROP COLUMN expires_at;
