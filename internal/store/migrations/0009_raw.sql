-- +goose Up
-- Until when the payload in a notice is kept; 0 for one that holds none.
ALTER TABLE notices ADD COLUMN raw_until bigint NOT NULL DEFAULT 0;
CREATE INDEX notices_raw ON notices (raw_until) WHERE raw_until > 0;

-- +goose Down
DROP INDEX notices_raw;
ALTER TABLE notices DROP COLUMN raw_until;
