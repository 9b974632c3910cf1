-- migrate:up

-- The clients' commands under their own name. A command has no other row to be found by: the api writes it and publishes
-- its event; the reconciler publishes again what the inbox does not know, and marks as handled what it knows.
ALTER TABLE wishes RENAME TO command_outbox;
ALTER TABLE command_outbox RENAME COLUMN heard_at TO handled_at;
ALTER TABLE command_outbox RENAME CONSTRAINT wishes_pkey TO command_outbox_pkey;
ALTER TABLE command_outbox RENAME CONSTRAINT wishes_story_id_fkey TO command_outbox_story_id_fkey;
ALTER INDEX wishes_unheard RENAME TO command_outbox_unhandled;
ALTER INDEX wishes_by_story RENAME TO command_outbox_by_story;

-- For the version before this one, which may run on while this one is rolled out: Postgres writes through a view as plain
-- as this. To be dropped by a later migration, once that version runs nowhere.
CREATE VIEW wishes AS SELECT event_id, story_id, event, created_at, handled_at AS heard_at FROM command_outbox;

-- migrate:down

DROP VIEW wishes;
ALTER INDEX command_outbox_by_story RENAME TO wishes_by_story;
ALTER INDEX command_outbox_unhandled RENAME TO wishes_unheard;
ALTER TABLE command_outbox RENAME CONSTRAINT command_outbox_story_id_fkey TO wishes_story_id_fkey;
ALTER TABLE command_outbox RENAME CONSTRAINT command_outbox_pkey TO wishes_pkey;
ALTER TABLE command_outbox RENAME COLUMN handled_at TO heard_at;
ALTER TABLE command_outbox RENAME TO wishes;
