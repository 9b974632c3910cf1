-- migrate:up

-- The W3C traceparent of what a delivery tells of: its attempts belong to that. Empty: to no story's trace.
ALTER TABLE webhook_deliveries ADD COLUMN trace text NOT NULL DEFAULT '';

-- migrate:down

ALTER TABLE webhook_deliveries DROP COLUMN trace;
