-- migrate:up

-- What clients want of stories that exist, until it is heard: a wish has no other row to be found by. The api writes it
-- and publishes its event; the reconciler publishes again what the inbox does not know, and marks what it knows.
CREATE TABLE wishes (
    event_id   text PRIMARY KEY,
    story_id   uuid NOT NULL REFERENCES stories ON DELETE CASCADE,
    event      jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    heard_at   timestamptz
);
CREATE INDEX wishes_unheard ON wishes (created_at) WHERE heard_at IS NULL;
CREATE INDEX wishes_by_story ON wishes (story_id);

-- Stories that were erased: what a late worker leaves behind is swept up until nobody can come any more. No foreign key:
-- the story is gone. Nothing in here tells of a child.
CREATE TABLE erasures (
    story_id   uuid PRIMARY KEY,
    tenant_id  text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    receipt    jsonb NOT NULL,
    sweeps     integer NOT NULL DEFAULT 0,
    due_at     timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX erasures_due ON erasures (due_at) WHERE due_at IS NOT NULL;

-- migrate:down

DROP TABLE erasures, wishes;
