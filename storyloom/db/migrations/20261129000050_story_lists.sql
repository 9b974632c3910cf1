-- migrate:up

-- Lists of stories by status, and by type and status: each in the order of its pages, so that the millionth story of a
-- tenant costs what its first does.
CREATE INDEX stories_by_status ON stories (tenant_id, status, created_at DESC, id DESC);
CREATE INDEX stories_by_type ON stories (tenant_id, (request->>'storyType'), status, created_at DESC, id DESC);

-- migrate:down

DROP INDEX stories_by_type, stories_by_status;
