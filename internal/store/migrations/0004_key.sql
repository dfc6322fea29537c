-- +goose Up
-- What the store is. "key" is a mark of the key that seals its tokens and signs the markers in issues: a machine with
-- another key would not recognise the issues of the others, and open them again.
CREATE TABLE about (
    name  text PRIMARY KEY,
    value text NOT NULL
);
