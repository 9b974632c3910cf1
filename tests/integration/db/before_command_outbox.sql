-- Every statement on the table ``wishes`` as the version before the table's renaming sends it, letter by letter.

-- name: wish^
SELECT event FROM wishes WHERE event_id = :event_id;

-- name: last_cancellation^
SELECT event FROM wishes WHERE story_id = :story_id AND event->>'event' = 'StoryCancelled'
ORDER BY created_at DESC LIMIT 1;

-- name: add_wish!
INSERT INTO wishes (event_id, story_id, event) VALUES (:event_id, :story_id, :event::jsonb);

-- name: count_rows^
-- With the story locked, so that the receipt is exact.
SELECT (SELECT count(*) FROM asset_generation_jobs WHERE story_id = :id) AS assets,
       (SELECT count(*) FROM story_events WHERE story_id = :id) AS events,
       (SELECT count(*) FROM wishes WHERE story_id = :id) AS wishes;

-- name: delete_story!
-- Assets, events and wishes go with it.
DELETE FROM stories WHERE id = :id;

-- name: note_wishes_heard!
-- The inbox knows what was folded in.
UPDATE wishes w SET heard_at = now() FROM inbox i WHERE w.heard_at IS NULL AND i.event_id = w.event_id;

-- name: unheard_wishes
SELECT event FROM wishes WHERE heard_at IS NULL AND created_at < :before ORDER BY created_at LIMIT 1000;

-- name: states_of
-- Where the assets of some dead letters stand now, and whether their wish was made before; a story that is gone has no
-- row. The columns come in pairs: story, asset.
SELECT l.wish, s.id AS story_id, s.tenant_id, s.trace, s.status AS story_status, j.asset_type, j.status,
       w.created_at AS wished_at
FROM unnest(:wishes::text[], :story_ids::uuid[], :assets::text[]) AS l (wish, story_id, asset)
JOIN stories s ON s.id = l.story_id
LEFT JOIN asset_generation_jobs j ON j.story_id = l.story_id AND j.asset_type = l.asset
LEFT JOIN wishes w ON w.event_id = l.wish;

-- name: make_wishes
-- Only for what is still failed: a story may have been erased or cancelled since it was looked at.
INSERT INTO wishes (event_id, story_id, event)
SELECT l.wish, l.story_id, l.event::jsonb
FROM unnest(:wishes::text[], :story_ids::uuid[], :assets::text[], :events::text[]) AS l (wish, story_id, asset, event)
JOIN stories s ON s.id = l.story_id AND s.status <> 'cancelled'
JOIN asset_generation_jobs j ON j.story_id = l.story_id AND j.asset_type = l.asset AND j.status = 'failed'
ON CONFLICT DO NOTHING
RETURNING event_id;

-- name: late_wishes
-- Wishes that are in nobody's inbox; that one is marked as heard is the reconciler's own affair.
SELECT w.event_id, w.event->>'event' AS event, w.created_at FROM wishes w
WHERE w.heard_at IS NULL AND w.created_at < :before AND NOT EXISTS (SELECT FROM inbox i WHERE i.event_id = w.event_id)
ORDER BY w.created_at LIMIT 1000;

-- name: operators_unheard_wishes^
SELECT count(*) AS count, min(created_at) AS oldest FROM wishes WHERE heard_at IS NULL;
