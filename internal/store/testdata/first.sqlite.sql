-- A SQLite store as the first release left it, with work that was not done. Made by .dump; never change it.
BEGIN TRANSACTION;
CREATE TABLE cases (
    fingerprint text PRIMARY KEY,
    version     bigint NOT NULL,
    repo        text NOT NULL,  -- lower case, "owner/name"
    issue       bigint NOT NULL,
    state       text NOT NULL,
    seen        bigint NOT NULL,  -- when it last failed
    body        text NOT NULL
);
INSERT INTO "cases" VALUES('v1-a',4,'owner/plugin',7,'open',1772600767000000,'{"fingerprint":"v1-a","repo":{"owner":"Owner","name":"Plugin"},"issue":7,"told":2,"state":"open","count":2,"first":"2026-03-04T05:06:07Z","last":"2026-03-04T05:06:07Z","latest":{"id":"n1","plugin":{"id":"owner/plugin:compute.yml","kind":"workflow","repo":{"owner":"Owner","name":"Plugin"},"ref":"main","url":""},"category":"workflow","status":500,"message":"TypeError: x is not a function","stack":"","logs":["one line"],"trigger":{"event":"issues.opened","delivery":"","repo":{"owner":"acme","name":"app"},"number":3,"actor":"mona"},"environment":"","requestId":"","truncated":false,"at":"2026-03-04T05:06:07Z"},"via":"n1","seen":["n0","n1"],"decision":{"action":2,"risk":1,"reasons":[{"rule":"low-risk","because":"It is."}]},"attempts":[{"runId":"v1-a-1","by":"policy","hint":"","started":"2026-03-04T05:06:07Z","ended":"0001-01-01T00:00:00Z","steps":0,"tokens":0,"outcome":{"ending":"","pr":0,"evidence":{"before":null,"after":null,"base":null,"suite":null,"gaps":null},"refusals":null,"says":""}}]}');
CREATE TABLE hotfix_migrations (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		version_id INTEGER NOT NULL,
		is_applied INTEGER NOT NULL,
		tstamp TIMESTAMP DEFAULT (datetime('now'))
	);
INSERT INTO "hotfix_migrations" VALUES(1,0,1,'2026-11-25 01:22:55');
INSERT INTO "hotfix_migrations" VALUES(2,1,1,'2026-11-25 01:22:55');
CREATE TABLE notices (
    id       text PRIMARY KEY,
    event    text NOT NULL,
    at       bigint NOT NULL,
    body     text NOT NULL,
    token    text NOT NULL DEFAULT '',  -- sealed; emptied when it has expired
    expires  bigint NOT NULL DEFAULT 0
);
INSERT INTO "notices" VALUES('n1','kernel.plugin_error',1772600767000000,'{"id":"n1","also":["dispatch:d1"],"event":"kernel.plugin_error","failure":{"id":"n1","plugin":{"id":"owner/plugin:compute.yml","kind":"workflow","repo":{"owner":"Owner","name":"Plugin"},"ref":"main","url":""},"category":"workflow","status":500,"message":"TypeError: x is not a function","stack":"","logs":["one line"],"trigger":{"event":"issues.opened","delivery":"","repo":{"owner":"acme","name":"app"},"number":3,"actor":"mona"},"environment":"","requestId":"","truncated":false,"at":"2026-03-04T05:06:07Z"}}','',0);
INSERT INTO "notices" VALUES('n2','kernel.plugin_error',1772600768000000,'{"id":"n2","also":null,"event":"kernel.plugin_error","failure":{"id":"n2","plugin":{"id":"owner/plugin:compute.yml","kind":"workflow","repo":{"owner":"Owner","name":"Plugin"},"ref":"main","url":""},"category":"workflow","status":500,"message":"it''s broken","stack":"","logs":null,"trigger":{"event":"","delivery":"","repo":{"owner":"","name":""},"number":0,"actor":""},"environment":"","requestId":"","truncated":false,"at":"2026-03-04T05:06:08Z"}}','',0);
CREATE TABLE runs (
    id    text PRIMARY KEY,
    at    bigint NOT NULL,
    stop  text NOT NULL,
    steps bigint NOT NULL,
    body  text NOT NULL
);
INSERT INTO "runs" VALUES('v1-a-1',1772600769000000,'',1,'{"task":{"id":"v1-a-1","system":"s","prompt":"p"},"model":"m","started":"2026-03-04T05:06:07Z","steps":[{"reply":"hm","calls":[{"id":"c1","tool":"read-file","args":{"path":"a.js"},"result":"1: x","took":5}],"tokens":{"in":10,"out":2},"took":7}],"stop":"","took":7}');
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
INSERT INTO "wants" VALUES('triage','n2','',1,1772600768000000,12,'',0,0,0,'');
INSERT INTO "wants" VALUES('fix','v1-a','owner/plugin',1,1772600767000000,13,'A WORKER OF LONG AGO',1772600768000000,0,0,'');
INSERT INTO "wants" VALUES('report','v1-a','owner/plugin',3,1772600767000000,0,'',0,8,1772600769000000,'GitHub answered 410: it is gone');
CREATE INDEX notices_at ON notices (at);
CREATE INDEX notices_expires ON notices (expires) WHERE expires > 0;
CREATE INDEX cases_issue ON cases (repo, issue);
CREATE INDEX cases_seen ON cases (seen, fingerprint);
CREATE INDEX runs_at ON runs (at, id);
CREATE INDEX wants_lane ON wants (kind, lane) WHERE worker <> '';
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('hotfix_migrations',2);
COMMIT;
