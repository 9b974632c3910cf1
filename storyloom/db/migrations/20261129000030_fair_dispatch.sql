-- migrate:up

-- The backlog: jobs whose asset is queued and for which no worker has a slot yet. They wait here, not on the bus, so that
-- one client's thousand stories do not stand before another's one. NULL: dispatched, or nothing to dispatch.
ALTER TABLE asset_generation_jobs
    ADD COLUMN backlog_lane   text,
    ADD COLUMN backlog_tenant text,
    ADD COLUMN backlog_since  timestamptz;
CREATE INDEX asset_generation_jobs_backlog
    ON asset_generation_jobs (backlog_lane, backlog_tenant, backlog_since, id) WHERE backlog_lane IS NOT NULL;

-- A tenant's share of the workers, relative to the others' while they compete.
ALTER TABLE tenants ADD COLUMN weight real NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.01 AND 1000);

-- Start-time fair queueing, lane by lane: the lane's virtual time, and where each tenant's last job ended in it.
CREATE TABLE lanes (
    lane         text PRIMARY KEY,
    virtual_time double precision NOT NULL DEFAULT 0
);
CREATE TABLE lane_shares (
    lane      text NOT NULL REFERENCES lanes ON DELETE CASCADE,
    tenant_id text NOT NULL REFERENCES tenants ON DELETE CASCADE,
    finish    double precision NOT NULL,
    PRIMARY KEY (lane, tenant_id)
);

-- migrate:down

DROP TABLE lane_shares, lanes;
ALTER TABLE tenants DROP COLUMN weight;
DROP INDEX asset_generation_jobs_backlog;
ALTER TABLE asset_generation_jobs
    DROP COLUMN backlog_lane,
    DROP COLUMN backlog_tenant,
    DROP COLUMN backlog_since;
