-- migrate:up

-- Links that open one story as a book, to read and nothing else, for whoever holds the secret: random and long, as a key
-- is, and kept as its hash alone. Reading is paused while somebody has said that something is wrong with the book.
CREATE TABLE story_shares (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    story_id    uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    secret_hash bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    paused_at   timestamptz,
    revoked_at  timestamptz
);
CREATE INDEX story_shares_by_story ON story_shares (story_id, created_at, id);

-- migrate:down

DROP TABLE story_shares;
