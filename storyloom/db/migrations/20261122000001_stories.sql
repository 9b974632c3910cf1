-- migrate:up

CREATE TABLE tenants (
    id         text PRIMARY KEY CHECK (id ~ '^[a-z0-9_-]{1,40}$'),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A key is random and long, so a plain SHA-256 keeps it: there is nothing to guess.
CREATE TABLE api_keys (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id    text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    name         text NOT NULL,
    secret_hash  bytea NOT NULL UNIQUE,
    scopes       text[] NOT NULL DEFAULT '{stories:read,stories:write}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz
);

-- Rows are updated a few dozen times while a story is made: the free space keeps those updates on their page.
CREATE TABLE stories (
    id                            uuid PRIMARY KEY,
    tenant_id                     text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    request                       jsonb NOT NULL,
    priority                      text NOT NULL DEFAULT 'normal' CHECK (priority IN ('urgent', 'high', 'normal')),
    status                        text NOT NULL DEFAULT 'generating'
                                  CHECK (status IN ('generating', 'ready', 'partial', 'failed', 'cancelled')),
    seq                           integer NOT NULL DEFAULT 0,
    version                       integer NOT NULL DEFAULT 0,
    trace                         text NOT NULL DEFAULT '',
    title                         text,
    logline                       text,
    error                         jsonb,
    asset_generation_status       jsonb NOT NULL,
    asset_generation_started_at   timestamptz NOT NULL DEFAULT now(),
    asset_generation_completed_at timestamptz,
    hue_extracted_colors          jsonb,
    audio_words                   jsonb,
    audio_blocks                  jsonb,
    idempotency_key               text,
    request_hash                  bytea,
    created_at                    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
CREATE INDEX stories_unfinished ON stories (created_at) WHERE status = 'generating';
CREATE INDEX stories_by_tenant ON stories (tenant_id, created_at DESC, id DESC);
CREATE INDEX stories_started ON stories (asset_generation_started_at);
CREATE UNIQUE INDEX stories_idempotency ON stories (tenant_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE asset_generation_jobs (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    story_id      uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    asset_type    text NOT NULL,
    status        text NOT NULL DEFAULT 'pending'
                  CHECK (status IN ('pending', 'queued', 'generating', 'ready', 'failed', 'cancelled')),
    priority      text NOT NULL DEFAULT 'normal' CHECK (priority IN ('urgent', 'high', 'normal')),
    revision      integer NOT NULL DEFAULT 0,
    fingerprint   text,
    result        jsonb,
    metadata      jsonb,
    error_message text,
    retry_count   integer NOT NULL DEFAULT 0,
    queued_at     timestamptz,
    started_at    timestamptz,
    completed_at  timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (story_id, asset_type)
) WITH (fillfactor = 60);
CREATE INDEX asset_generation_jobs_created ON asset_generation_jobs USING brin (created_at);

-- What a story's readers were told, in order: what the progress stream replays.
CREATE TABLE story_events (
    story_id uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    seq      integer NOT NULL,
    event    text NOT NULL,
    data     json NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (story_id, seq)
);

-- Ids of the events that were folded in: the stream may deliver twice, the second time changes nothing.
CREATE TABLE inbox (
    event_id text PRIMARY KEY,
    at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX inbox_at ON inbox USING brin (at);

-- migrate:down

DROP TABLE inbox, story_events, asset_generation_jobs, stories, api_keys, tenants;
