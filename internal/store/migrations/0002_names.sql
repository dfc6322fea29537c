-- +goose Up
-- A name stands for one occurrence or one thing on the forge, and belongs to the first case that claimed it.
CREATE TABLE names (
    name        text PRIMARY KEY,
    fingerprint text NOT NULL,
    at          bigint NOT NULL
);
CREATE INDEX names_at ON names (at);
ALTER TABLE cases ADD COLUMN opened bigint NOT NULL DEFAULT 0;  -- when its issue was decided upon
CREATE INDEX cases_opened ON cases (opened);
