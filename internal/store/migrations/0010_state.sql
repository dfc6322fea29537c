-- +goose Up
-- How many cases of a repository are being fixed is asked at every failure, however many cases there are.
CREATE INDEX cases_state ON cases (repo, state);

-- +goose Down
DROP INDEX cases_state;
