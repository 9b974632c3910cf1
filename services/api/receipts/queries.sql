-- name: story_to_evaluate^
-- One statement is one snapshot: the receipt that there is, and what it would have to be of.
SELECT s.id, s.status, s.request, r.basis, r.receipt,
       coalesce((SELECT jsonb_object_agg(j.asset_type, j.result) FROM asset_generation_jobs j
                 WHERE j.story_id = s.id AND j.status = 'ready' AND j.result IS NOT NULL), '{}') AS results
FROM stories s LEFT JOIN story_receipts r ON r.story_id = s.id
WHERE s.id = :id AND s.tenant_id = :tenant_id;

-- name: keep_receipt!
-- Of a story that was deleted meanwhile nothing is kept.
INSERT INTO story_receipts (story_id, basis, receipt)
SELECT id, :basis, :receipt::jsonb FROM stories WHERE id = :id AND tenant_id = :tenant_id
ON CONFLICT (story_id) DO UPDATE SET basis = excluded.basis, receipt = excluded.receipt, made_at = now();
