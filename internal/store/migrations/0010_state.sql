-- +goose Up
-- What is asked at every failure takes no longer with a million cases: how many of a repository are being fixed, how many
-- got an issue lately, and which of it failed last.
CREATE INDEX cases_state ON cases (repo, state);
CREATE INDEX cases_repo_opened ON cases (repo, opened);
CREATE INDEX cases_repo_seen ON cases (repo, seen, fingerprint);

-- +goose Down
DROP INDEX cases_repo_seen;
DROP INDEX cases_repo_opened;
DROP INDEX cases_state;
