-- migrate:up

-- What was found true of a story, signed. `basis` is the hash of what it was found of and by which evaluators: a receipt
-- of another basis is of an earlier state of the story, and made anew when somebody asks.
CREATE TABLE story_receipts (
    story_id uuid PRIMARY KEY REFERENCES stories ON DELETE CASCADE,
    basis    text NOT NULL,
    receipt  jsonb NOT NULL,
    made_at  timestamptz NOT NULL DEFAULT now()
);

-- migrate:down

DROP TABLE story_receipts;
