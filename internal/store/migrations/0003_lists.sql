-- What lists and charts show, kept beside the cases so that no page decodes them all. Everything here follows from
-- cases, but for the counts over time: those are one row for each plugin and hour, and for each case and day.

-- +goose Up
CREATE TABLE case_list (
    fingerprint text PRIMARY KEY,
    lane        text NOT NULL,   -- lower case, "owner/name"
    repo        text NOT NULL,
    plugin      text NOT NULL,
    title       text NOT NULL,
    state       text NOT NULL,
    action      bigint NOT NULL,
    risk        bigint NOT NULL,
    rule        text NOT NULL,   -- of the first reason
    failures    bigint NOT NULL,
    first       bigint NOT NULL,
    seen        bigint NOT NULL,
    issue       bigint NOT NULL,
    pr          bigint NOT NULL,
    attempts    bigint NOT NULL,
    ending      text NOT NULL    -- of the latest attempt
);
CREATE INDEX case_list_seen ON case_list (seen, fingerprint);
CREATE INDEX case_list_first ON case_list (first);
CREATE INDEX case_list_failures ON case_list (failures);

CREATE TABLE attempt_list (
    run         text PRIMARY KEY,
    fingerprint text NOT NULL,
    lane        text NOT NULL,
    started_by  text NOT NULL,
    started     bigint NOT NULL,
    ended       bigint NOT NULL,
    ending      text NOT NULL,   -- "" while it is under way
    pr          bigint NOT NULL,
    steps       bigint NOT NULL,
    tokens      bigint NOT NULL,
    cost        bigint NOT NULL  -- in millionths of a dollar
);
CREATE INDEX attempt_list_started ON attempt_list (started, run);
CREATE INDEX attempt_list_ending ON attempt_list (ending, started);

CREATE TABLE plugin_counts (
    span   bigint NOT NULL,      -- hours: 1, 6 or 24
    at     bigint NOT NULL,      -- when the span begins
    plugin text NOT NULL,
    n      bigint NOT NULL,
    PRIMARY KEY (span, at, plugin)
);
CREATE TABLE case_counts (
    day         bigint NOT NULL,
    fingerprint text NOT NULL,
    n           bigint NOT NULL,
    PRIMARY KEY (fingerprint, day)
);
CREATE INDEX case_counts_day ON case_counts (day, fingerprint, n);
