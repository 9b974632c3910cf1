-- migrate:up

-- What opens the progress stream of one story, for whoever cannot send a header. Random and long, as a key is, and kept
-- as its hash alone. It goes with its key, and with its story.
CREATE TABLE stream_tokens (
    secret_hash bytea PRIMARY KEY,
    story_id    uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    key_id      uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX stream_tokens_by_story ON stream_tokens (story_id);
CREATE INDEX stream_tokens_by_key ON stream_tokens (key_id);
CREATE INDEX stream_tokens_expired ON stream_tokens (expires_at);

-- The stories that ended last tell how long the next ones will take. A row whose story ends changes its other indexes, too.
CREATE INDEX stories_completed ON stories (asset_generation_completed_at DESC NULLS LAST)
    WHERE status IN ('ready', 'partial');

-- migrate:down

DROP INDEX stories_completed;
DROP TABLE stream_tokens;
