import assert from "node:assert/strict";
import { test } from "node:test";
import { check } from "../src/check.js";
import { points } from "../src/points.js";

test("the search has its weight again", () => {
  assert.equal(points(["size: large", "area: search"]), 20);
  assert.equal(points(["size: medium", "risk: high", "area: search"]), 15);
  assert.equal(points(["size: huge", "risk: medium", "area: search"]), 77);
});

test("nothing else has changed", () => {
  assert.equal(points(["size: large", "risk: high"]), 26);
  assert.equal(points(["size: huge", "risk: medium"]), 51);
  const areas = { api: 26, build: 16, docs: 10, editor: 23, export: 16, graph: 23, import: 16, mobile: 33, notify: 13, offline: 26, sync: 33, themes: 10, upload: 20 };
  for (const [area, want] of Object.entries(areas)) assert.equal(points(["size: large", `area: ${area}`]), want, area);
});

test("what was agreed on is still kept", () => {
  assert.equal(check({ number: 204, labels: ["size: large", "risk: high", "area: search"], agreed: 39 }), 39);
  assert.throws(() => check({ number: 1, labels: ["size: large", "area: api"], agreed: 13 }), /agreed on at 13/);
});
