-- migrate:up

-- Stories of which the store may hold objects that no row refers to any more: an asset was made anew or edited, an
-- attempt was interrupted, the story was cancelled. `since` is when that happened last; after a grace the api deletes
-- what is stale, and the row. `claimed_until`: some replica is at it.
CREATE TABLE stale_objects (
    story_id      uuid PRIMARY KEY REFERENCES stories ON DELETE CASCADE,
    since         timestamptz NOT NULL DEFAULT now(),
    claimed_until timestamptz
);
CREATE INDEX stale_objects_since ON stale_objects (since);

-- What was made anew or cancelled before there was this table.
INSERT INTO stale_objects (story_id)
SELECT DISTINCT j.story_id FROM asset_generation_jobs j WHERE j.revision > 0 OR j.status = 'cancelled';

-- migrate:down

DROP TABLE stale_objects;
