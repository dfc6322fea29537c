-- +goose Up
-- Failures that led to no case, and why: a count for each rule, event and repository.
CREATE TABLE drops (
    rule    text NOT NULL,
    event   text NOT NULL,
    repo    text NOT NULL,
    because text NOT NULL,
    notice  text NOT NULL,    -- the latest
    n       bigint NOT NULL,
    first   bigint NOT NULL,
    last    bigint NOT NULL,
    PRIMARY KEY (rule, event, repo)
);
CREATE INDEX drops_last ON drops (last);

-- +goose Down
DROP TABLE drops;
