-- +goose Up
-- How often the process died that was at some work, apart from how often the work failed: a death blames all that was in
-- hand, and says less.
ALTER TABLE wants ADD COLUMN deaths bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE wants DROP COLUMN deaths;
