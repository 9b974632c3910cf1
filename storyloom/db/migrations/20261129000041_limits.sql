-- migrate:up

-- What a tenant may use. NULL: what the services' settings say (LIMIT_…).
ALTER TABLE tenants
    ADD COLUMN requests_per_minute     integer CHECK (requests_per_minute BETWEEN 1 AND 1000000),
    ADD COLUMN concurrent_stories      integer CHECK (concurrent_stories BETWEEN 1 AND 1000000),
    ADD COLUMN stories_per_day         integer CHECK (stories_per_day BETWEEN 0 AND 10000000),
    ADD COLUMN regenerations_per_story integer CHECK (regenerations_per_story BETWEEN 0 AND 1000000),
    ADD COLUMN usd_per_day             double precision CHECK (usd_per_day BETWEEN 0 AND 10000000);

-- Requests, by the generic cell rate algorithm: when the whole quota of a minute is free again, and how many requests the
-- last lease was granted. Not logged: a crash forgives a minute's requests.
CREATE UNLOGGED TABLE request_rates (
    tenant_id text PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
    full_at   timestamptz NOT NULL,
    granted   integer NOT NULL
) WITH (fillfactor = 50);

-- Days are UTC's. Apart from one another: stories are counted by the api, money by status.
CREATE TABLE tenant_story_counts (
    day       date NOT NULL,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    stories   integer NOT NULL,
    PRIMARY KEY (day, tenant_id)
) WITH (fillfactor = 50);
CREATE INDEX tenant_story_counts_by_tenant ON tenant_story_counts (tenant_id, day);
CREATE TABLE tenant_costs (
    day       date NOT NULL,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    usd       double precision NOT NULL,
    PRIMARY KEY (day, tenant_id)
) WITH (fillfactor = 50);
CREATE INDEX tenant_costs_by_tenant ON tenant_costs (tenant_id, day);

-- NULL: the story waits, since its tenant has as many under way as it may. It is generating, and nobody has begun.
ALTER TABLE stories ADD COLUMN admitted_at timestamptz DEFAULT now();
CREATE INDEX stories_admitted ON stories (tenant_id) WHERE status = 'generating' AND admitted_at IS NOT NULL;
CREATE INDEX stories_waiting ON stories
    (tenant_id, (CASE priority WHEN 'urgent' THEN 0 WHEN 'high' THEN 1 ELSE 2 END), created_at, id)
    WHERE status = 'generating' AND admitted_at IS NULL;

-- migrate:down

DROP INDEX stories_waiting, stories_admitted;
ALTER TABLE stories DROP COLUMN admitted_at;
DROP TABLE tenant_costs, tenant_story_counts, request_rates;
ALTER TABLE tenants
    DROP COLUMN usd_per_day,
    DROP COLUMN regenerations_per_story,
    DROP COLUMN stories_per_day,
    DROP COLUMN concurrent_stories,
    DROP COLUMN requests_per_minute;
