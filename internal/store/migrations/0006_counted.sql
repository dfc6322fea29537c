-- +goose Up
-- Whether the failure of a notice stands in a case: work that is done twice, because its process died before it could
-- say that it was done, counts once.
ALTER TABLE notices ADD COLUMN counted bigint NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE notices DROP COLUMN counted;
