-- +goose Up
-- When the time may next mean something to a case, 0 for never: whoever watches reads no others. Those that were there
-- before count as due until they have been looked at.
ALTER TABLE cases ADD COLUMN due bigint NOT NULL DEFAULT 1;
CREATE INDEX cases_due ON cases (due, fingerprint) WHERE due > 0;

-- +goose Down
DROP INDEX cases_due;
ALTER TABLE cases DROP COLUMN due;
