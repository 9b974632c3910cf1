-- migrate:up

-- Whether pictures, narration and book wait until the text was approved, and whether it was. Apart from the brief in
-- `request`, where the release before this one knows no word for it but 'auto'.
ALTER TABLE stories
    ADD COLUMN approval text NOT NULL DEFAULT 'auto' CHECK (approval IN ('auto', 'required', 'given')),
    -- Since when its text has been written and not approved: meanwhile no deadline runs, and it is not under way.
    ADD COLUMN awaiting_approval_since timestamptz;

-- 'held': pending, and not to begin before the text was approved. NOT VALID: no row that there is can break it.
ALTER TABLE asset_generation_jobs DROP CONSTRAINT asset_generation_jobs_status_check;
ALTER TABLE asset_generation_jobs ADD CONSTRAINT asset_generation_jobs_status_check
    CHECK (status IN ('pending', 'held', 'queued', 'generating', 'ready', 'failed', 'cancelled')) NOT VALID;

-- What counts against a tenant's concurrent stories.
CREATE INDEX stories_under_way ON stories (tenant_id)
    WHERE status = 'generating' AND admitted_at IS NOT NULL AND awaiting_approval_since IS NULL;
DROP INDEX stories_admitted;

-- migrate:down

CREATE INDEX stories_admitted ON stories (tenant_id) WHERE status = 'generating' AND admitted_at IS NOT NULL;
DROP INDEX stories_under_way;
-- What was held would begin; a story that waits for its approval is not to go on without it.
UPDATE asset_generation_jobs SET status = 'cancelled' WHERE status = 'held';
ALTER TABLE asset_generation_jobs DROP CONSTRAINT asset_generation_jobs_status_check;
ALTER TABLE asset_generation_jobs ADD CONSTRAINT asset_generation_jobs_status_check
    CHECK (status IN ('pending', 'queued', 'generating', 'ready', 'failed', 'cancelled'));
ALTER TABLE stories DROP COLUMN awaiting_approval_since, DROP COLUMN approval;
