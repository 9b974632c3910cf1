-- migrate:up

-- Whom a tenant wants to be notified. The secrets sign what is sent, so that they are kept as they are.
CREATE TABLE webhook_endpoints (
    id                    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id             text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    url                   text NOT NULL CHECK (char_length(url) <= 2000),
    event_types           text[] NOT NULL DEFAULT '{}',
    description           text NOT NULL DEFAULT '',
    enabled               boolean NOT NULL DEFAULT true,
    disabled_reason       text CHECK (disabled_reason IN ('client', 'gone', 'failing')),
    secret                text NOT NULL,
    old_secret            text,
    old_secret_expires_at timestamptz,
    -- Both change with the endpoint's health alone, not with every attempt: the row is not written while it works.
    verified_at           timestamptz,
    failing_since         timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    CHECK (enabled = (disabled_reason IS NULL))
);
CREATE INDEX webhook_endpoints_by_tenant ON webhook_endpoints (tenant_id, created_at, id);

-- One event for one endpoint. Written in the transaction that writes the story, which a deleted endpoint must not break:
-- hence no foreign key to it. ``next_at``: when the next attempt is due, or, while a dispatcher has claimed the row, when
-- its claim ends (``claimed_until``).
CREATE TABLE webhook_deliveries (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    endpoint_id   uuid NOT NULL,
    story_id      uuid REFERENCES stories ON DELETE CASCADE,
    event_id      text NOT NULL,
    type          text NOT NULL,
    payload       text NOT NULL CHECK (octet_length(payload) <= 20480),
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed', 'paused')),
    attempts      integer NOT NULL DEFAULT 0,
    log           jsonb NOT NULL DEFAULT '[]',
    next_at       timestamptz,
    claimed_until timestamptz,
    settled_at    timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (endpoint_id, event_id),
    CHECK ((state = 'pending') = (next_at IS NOT NULL)),
    CHECK ((state = 'pending') = (settled_at IS NULL))
) WITH (fillfactor = 70);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_at) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, created_at DESC, id DESC);
CREATE INDEX webhook_deliveries_by_story ON webhook_deliveries (story_id);
CREATE INDEX webhook_deliveries_settled ON webhook_deliveries (settled_at) WHERE settled_at IS NOT NULL;

-- migrate:down

DROP TABLE webhook_deliveries, webhook_endpoints;
