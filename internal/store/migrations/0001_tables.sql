-- One schema for SQLite and PostgreSQL: text, bigint, and times as microseconds since 1970 (0 is "not yet").

-- +goose Up
CREATE TABLE notices (
    id       text PRIMARY KEY,
    event    text NOT NULL,
    at       bigint NOT NULL,
    body     text NOT NULL,
    token    text NOT NULL DEFAULT '',  -- sealed; emptied when it has expired
    expires  bigint NOT NULL DEFAULT 0
);
CREATE INDEX notices_at ON notices (at);
CREATE INDEX notices_expires ON notices (expires) WHERE expires > 0;

CREATE TABLE cases (
    fingerprint text PRIMARY KEY,
    version     bigint NOT NULL,
    repo        text NOT NULL,  -- lower case, "owner/name"
    issue       bigint NOT NULL,
    state       text NOT NULL,
    seen        bigint NOT NULL,  -- when it last failed
    body        text NOT NULL
);
CREATE INDEX cases_issue ON cases (repo, issue);
CREATE INDEX cases_seen ON cases (seen, fingerprint);

CREATE TABLE runs (
    id    text PRIMARY KEY,
    at    bigint NOT NULL,
    stop  text NOT NULL,
    steps bigint NOT NULL,
    body  text NOT NULL
);
CREATE INDEX runs_at ON runs (at, id);

-- A want is work that somebody asked for and nobody has finished. Its row is the truth; the queue's job only
-- carries it out, and only the job named here may.
CREATE TABLE wants (
    kind     text NOT NULL,
    name     text NOT NULL,
    lane     text NOT NULL DEFAULT '',   -- work in one lane shares a limit
    wanted   bigint NOT NULL,            -- how often it was asked for
    asked    bigint NOT NULL,
    job      bigint NOT NULL DEFAULT 0,  -- 0: none yet
    worker   text NOT NULL DEFAULT '',   -- who is at it
    started  bigint NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0,
    parked   bigint NOT NULL DEFAULT 0,  -- when it was given up
    reason   text NOT NULL DEFAULT '',
    PRIMARY KEY (kind, name)
);
CREATE INDEX wants_lane ON wants (kind, lane) WHERE worker <> '';
