import assert from "node:assert/strict";
import { test } from "node:test";
import { handle } from "../src/plugin.js";
import { defaults } from "../src/settings/defaults.js";
import { read } from "../src/settings/read.js";

function world(labels) {
  const added = [];
  const octokit = {
    issues: {
      listLabelsForRepo: async () => ({ data: labels.map((name) => ({ name })) }),
      addLabels: async (parameters) => added.push(...parameters.labels),
    },
  };
  return { added, system: { octokit, now: () => new Date("2026-03-31T12:00:00Z") } };
}

const opened = (title, settings) => ({
  name: "issues.opened",
  settings,
  payload: { repository: { name: "app", owner: { login: "acme" } }, sender: { login: "mona" }, issue: { number: 7, title, body: null, labels: [], assignees: [] } },
});

const own = { labels: { rules: ["+", { when: "urgent|asap", add: "urgent" }], always: ["+", "new"] }, ignore: ["+", "eve"] };

test("the defaults stay as they are", () => {
  const before = JSON.stringify(defaults);
  const mine = read(own);
  assert.deepEqual(mine.ignore, ["dependabot[bot]", "eve"]);
  assert.equal(mine.labels.rules.length, 3);
  assert.deepEqual(mine.labels.always, ["triage", "new"]);
  assert.equal(JSON.stringify(defaults), before);
  assert.deepEqual(read(undefined).ignore, ["dependabot[bot]"]);
  assert.deepEqual(read({ labels: { remove: ["+", "x"] } }).labels.rules.length, 2);
});

test("the rules of one are not those of another, though the label exists", async () => {
  const first = world(["triage", "urgent", "new"]);
  await handle(opened("urgent: down", own), first.system);
  assert.deepEqual(first.added.sort(), ["new", "triage", "urgent"]);
  const second = world(["triage", "urgent", "new"]);
  await handle(opened("ASAP please"), second.system);
  assert.deepEqual(second.added, ["triage"]);
});

test("a label that the repository lacks is still told of", async () => {
  const w = world(["bug"]);
  await assert.rejects(handle(opened("It is slow"), w.system), /has no label "triage"/);
});
