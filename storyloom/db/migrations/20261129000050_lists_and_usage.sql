-- migrate:up

-- Lists of stories by status, and by type and status: each in the order of its pages, so that the millionth story of a
-- tenant costs what its first does.
CREATE INDEX stories_by_status ON stories (tenant_id, status, created_at DESC, id DESC);
CREATE INDEX stories_by_type ON stories (tenant_id, (request->>'storyType'), status, created_at DESC, id DESC);

-- What was made by day (UTC) and kind of asset, beside the stories and the money of the day. It outlives the stories.
CREATE TABLE tenant_asset_counts (
    day       date NOT NULL,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    kind      text NOT NULL,
    assets    integer NOT NULL,
    PRIMARY KEY (tenant_id, day, kind)
) WITH (fillfactor = 50);

-- How long stories of the same assets took lately, and what they cost: what a new one may take.
CREATE INDEX stories_made ON stories ((request->'assets'), asset_generation_completed_at DESC) WHERE status = 'ready';

-- migrate:down

DROP INDEX stories_made;
DROP TABLE tenant_asset_counts;
DROP INDEX stories_by_type, stories_by_status;
